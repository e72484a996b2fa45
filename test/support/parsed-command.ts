import { type Command, CommanderError } from 'commander';

/** What the action of a command is called with, or the message with which the command refuses. */
export async function parsedCommand<T>(
  make: (action: (options: T) => Promise<number>) => Command,
  argv: readonly string[],
): Promise<T | string> {
  let options: T | undefined;
  let message = '';
  const command = make(async (given) => {
    options = given;
    return 0;
  });
  command.exitOverride().configureOutput({ writeErr: (text) => (message += text) });
  try {
    await command.parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError) || error.exitCode !== 1) throw error;
    return message;
  }
  if (options === undefined) throw new Error('the command did not run');
  return options;
}
