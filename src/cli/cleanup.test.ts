import { readFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { parsedCommand } from '../../test/support/parsed-command.ts';
import { cleanupCommand } from './cleanup.ts';

/** What the command would clean, or the message with which it refuses. */
const parsed = (...argv: readonly string[]) => parsedCommand(cleanupCommand, argv);

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
