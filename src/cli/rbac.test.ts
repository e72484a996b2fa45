import { CommanderError } from 'commander';
import { afterEach, expect, test } from 'vitest';
import { type RbacOptions, rbacCommand } from './rbac.ts';

/** What the command would print roles for, or the message with which it refuses. */
async function parsed(...argv: readonly string[]): Promise<RbacOptions | string> {
  let options: RbacOptions | undefined;
  let message = '';
  const command = rbacCommand(async (given) => {
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

afterEach(() => {
  process.exitCode = undefined;
});

test('the namespace of the operator is read from its flag, and is watchkeeper without it', async () => {
  expect(await parsed()).toMatchObject({ namespace: 'watchkeeper' });
  expect(await parsed('--namespace', 'ops')).toMatchObject({ namespace: 'ops' });
});

test.each([
  [['--namespace', ''], "'' is not the name of a namespace"],
  [['--namespace', 'Foo_Bar'], "'Foo_Bar' is not the name of a namespace"],
  [['--namespaces', 'a,B'], "'B' is not the name of a namespace"],
])('%j is refused with what is wrong', async (argv, message) => {
  expect(await parsed(...argv)).toContain(message);
});
