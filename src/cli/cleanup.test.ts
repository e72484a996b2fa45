import { readFileSync } from 'node:fs';
import { CommanderError } from 'commander';
import { afterEach, expect, test } from 'vitest';
import { type CleanupOptions, cleanupCommand } from './cleanup.ts';

/** What the command would clean, or the message with which it refuses. */
async function parsed(...argv: readonly string[]): Promise<CleanupOptions | string> {
  let options: CleanupOptions | undefined;
  let message = '';
  const command = cleanupCommand(async (given) => {
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

test('protected keys are allowed by flags, each with one glob or several', async () => {
  expect(await parsed()).toMatchObject({ allowKeys: [] });
  const argv = ['--allow-keys', 'istio-injection', '--allow-keys', 'linkerd.io/*, node.kubernetes.io/*'];
  expect(await parsed(...argv)).toMatchObject({
    allowKeys: ['istio-injection', 'linkerd.io/*', 'node.kubernetes.io/*'],
  });
});

test('what is no glob is refused', async () => {
  expect(await parsed('--allow-keys', 'a/b/*')).toContain("'a/b/*' must hold only letters");
});

test('the documentation names every flag, and no other', () => {
  const page = readFileSync(new URL('../../docs/uninstall.md', import.meta.url), 'utf8');
  const flags = page.split('\n').flatMap((line) => /^\| (`--[^|]*) \|/.exec(line)?.[1]?.split(', ') ?? []);
  const options = cleanupCommand().options.map((option) => `\`${option.flags}\``);
  expect(flags.toSorted()).toEqual(options.toSorted());
});
