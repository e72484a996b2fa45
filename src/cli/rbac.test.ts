import { afterEach, expect, test } from 'vitest';
import { parsedCommand } from '../../test/support/parsed-command.ts';
import { rbacCommand } from './rbac.ts';

/** What the command would print roles for, or the message with which it refuses. */
const parsed = (...argv: readonly string[]) => parsedCommand(rbacCommand, argv);

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
