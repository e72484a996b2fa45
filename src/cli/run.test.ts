import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { parsedCommand } from '../../test/support/parsed-command.ts';
import { runCommand } from './run.ts';

/** What the command would run with, or the message with which it refuses. */
const parsed = (...argv: readonly string[]) => parsedCommand(runCommand, argv);

const DEFAULTS = {
  listen: { host: '127.0.0.1', port: 8080 },
  watchList: false,
  statusViolations: 20,
  allowKeys: [],
  logLevel: 'info',
  leaderElect: true,
  leaseDuration: 15,
  renewDeadline: 10,
  retryPeriod: 2,
};

afterEach(() => {
  vi.unstubAllEnvs();
  process.exitCode = undefined;
});

describe('options', () => {
  test('need not be given', async () => {
    expect(await parsed()).toEqual(DEFAULTS);
  });

  test('are read from flags', async () => {
    const argv = [
      '--kubeconfig',
      'k',
      '--context',
      'c',
      '--listen',
      '[::1]:9',
      '--namespace',
      'n',
      '--write-concurrency',
      '3',
      '--allow-keys',
      'istio-injection',
      '--allow-keys',
      'node.kubernetes.io/*, topology.kubernetes.io/zone',
    ];
    expect(await parsed(...argv, '--status-violations', '0', '--log-level', 'debug')).toEqual({
      ...DEFAULTS,
      kubeconfig: 'k',
      context: 'c',
      listen: { host: '::1', port: 9 },
      namespace: 'n',
      writeConcurrency: 3,
      statusViolations: 0,
      allowKeys: ['istio-injection', 'node.kubernetes.io/*', 'topology.kubernetes.io/zone'],
      logLevel: 'debug',
    });
  });

  test('are read from variables, and flags win over these', async () => {
    vi.stubEnv('WATCHKEEPER_LISTEN', '0.0.0.0:1234');
    vi.stubEnv('WATCHKEEPER_WRITE_CONCURRENCY', '5');
    vi.stubEnv('WATCHKEEPER_KUBECONFIG', '/etc/k');
    vi.stubEnv('WATCHKEEPER_ALLOW_KEYS', 'istio-injection,linkerd.io/*');
    expect(await parsed('--write-concurrency', '6')).toEqual({
      ...DEFAULTS,
      listen: { host: '0.0.0.0', port: 1234 },
      writeConcurrency: 6,
      allowKeys: ['istio-injection', 'linkerd.io/*'],
      kubeconfig: '/etc/k',
    });
  });

  test('namespaces are split by commas, each once and in order', async () => {
    expect(await parsed('--namespaces', 'b, a,b')).toEqual({ ...DEFAULTS, namespaces: ['a', 'b'] });
  });

  test.each([
    [['--namespace', ''], "'' is not the name of a namespace"],
    [['--namespace', 'Foo_Bar'], "'Foo_Bar' is not the name of a namespace"],
    [['--namespace', 'a,b'], "'a,b' is not the name of a namespace"],
    [['--namespaces', 'a,'], "'' is not the name of a namespace"],
    [['--namespaces', 'team-*'], "'team-*' is not the name of a namespace"],
    [['--write-concurrency', '0'], 'it must be an integer from 1 to 256'],
    [['--write-concurrency', '257'], 'it must be an integer from 1 to 256'],
    [['--write-concurrency', '2.5'], 'it must be an integer from 1 to 256'],
    [['--write-concurrency', '0x10'], 'it must be an integer from 1 to 256'],
    [['--status-violations', '501'], 'it must be an integer from 0 to 500'],
    [['--status-violations', '-1'], 'it must be an integer from 0 to 500'],
    [['--listen', '8080'], "'8080' is not an address to listen on; it must be HOST:PORT"],
    [['--allow-keys', ''], "'' must not be empty"],
    [['--allow-keys', 'a/b/*'], "'a/b/*' must hold only letters"],
    [['--leader-elect', 'no'], 'it must be true or false'],
    [['--identity', 'a b'], "'a b' must be 1 to 128 letters, digits, '.', '_' or '-'"],
    [['--lease-duration', '0'], 'it must be an integer from 1 to 3600'],
    [['--log-level', 'loud'], 'Allowed choices are debug, info, warn, error'],
    [['--colour', 'red'], "unknown option '--colour'"],
    [['now'], 'too many arguments'],
  ])('%j is refused with what is allowed', async (argv, message) => {
    expect(await parsed(...argv)).toContain(message);
  });

  test('a variable that is wrong is refused, and named', async () => {
    vi.stubEnv('WATCHKEEPER_STATUS_VIOLATIONS', 'many');
    const message = await parsed();
    expect(message).toContain("from env 'WATCHKEEPER_STATUS_VIOLATIONS'");
    expect(message).toContain('it must be an integer from 0 to 500');
  });

  test.each(['', 'Foo_Bar'])('so is a variable that names no namespace: %j', async (name) => {
    vi.stubEnv('WATCHKEEPER_NAMESPACE', name);
    const message = await parsed();
    expect(message).toContain("from env 'WATCHKEEPER_NAMESPACE'");
    expect(message).toContain(`'${name}' is not the name of a namespace`);
  });
});

test('what the command resolves to is the exit code of the process', async () => {
  await runCommand(async () => 1).parseAsync([], { from: 'user' });
  expect(process.exitCode).toBe(1);
});

test('the documentation names every flag with its variable and its default, and no other', () => {
  const text = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
  const rows = text.split('\n').flatMap((line) => {
    const [, flags = '', variable, byDefault, meaning] = line.split('|').map((cell) => cell.trim().replaceAll('`', ''));
    return /^--[a-z]/.test(flags) ? [{ flags, variable, byDefault, meaning }] : [];
  });
  const options = runCommand().options.map((option) => ({
    flags: option.flags,
    variable: option.envVar,
    byDefault: option.defaultValueDescription ?? String(option.defaultValue ?? ''),
    meaning: expect.stringMatching(/^[A-Z].*\.$/),
  }));
  expect(rows).toEqual(options);
});
