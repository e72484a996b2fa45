import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { ServerHttp2Stream } from 'node:http2';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { createAuthority } from '../../test/cluster/certificates.ts';
import { answerJson, authority, Http2Server, type ReceivedRequest } from '../../test/support/http2-server.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { systemClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import { type CredentialOptions, loadCredentials } from './credentials.ts';
import { createKubeClient } from './http-client.ts';
import { secureContext } from './tls-connect.ts';

let directory: string;
let clock: ManualClock;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'credentials-'));
  clock = new ManualClock();
});

afterEach(async () => {
  await rm(directory, { recursive: true });
});

/** Nothing of the machine that the test runs on. */
const load = (options: CredentialOptions) =>
  loadCredentials(
    { env: { HOME: directory }, serviceAccountDirectory: join(directory, 'none'), ...options },
    clock,
    silentLog,
  );

async function put(name: string, text: string): Promise<string> {
  const file = join(directory, name);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
  return file;
}

interface Parts {
  readonly name?: string;
  readonly server?: string;
  readonly cluster?: object;
  readonly user?: object;
  readonly context?: object;
  readonly currentContext?: string | undefined;
}

function kubeconfig(parts: Parts = {}): string {
  const { name = 'one', server = 'https://192.0.2.1:6443', cluster, user = { token: 't' }, context } = parts;
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server, ...cluster } }],
    users: [{ name, user }],
    contexts: [{ name, context: { cluster: name, user: name, ...context } }],
    'current-context': 'currentContext' in parts ? parts.currentContext : name,
  });
}

const base64 = (text: string) => Buffer.from(text).toString('base64');

const putWithCertificate = (token: string, cert: string) =>
  put('config', kubeconfig({ user: { token, 'client-certificate-data': base64(cert) } }));

async function withPlugin(script: string, more: object = {}, user: object = {}): Promise<string> {
  const plugin = await put('plugin.mjs', script);
  const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: process.execPath, args: [plugin], ...more };
  return put('config', kubeconfig({ user: { exec, ...user } }));
}
/** Gives another token each time, and with it what is said beside it. */
const counting = (count: string, status: object = {}) => `
  import { appendFileSync, readFileSync } from 'node:fs';
  appendFileSync(${JSON.stringify(count)}, 'x');
  const token = 'token-' + readFileSync(${JSON.stringify(count)}, 'utf8').length;
  console.log(JSON.stringify({ status: { token, ...${JSON.stringify(status)} } }));`;

async function serviceAccount(): Promise<string> {
  await put('account/token', 'pod-token\n');
  await put('account/ca.crt', 'CA');
  await put('account/namespace', 'watchkeeper-system\n');
  return join(directory, 'account');
}

describe('a kubeconfig', () => {
  test('gives server, namespace, token and TLS material', async () => {
    const file = await put(
      'config',
      kubeconfig({
        server: 'https://api.example.com:6443/prefix',
        cluster: { 'certificate-authority-data': base64('CA'), 'tls-server-name': 'other.example.com' },
        context: { namespace: 'ns' },
        user: { token: 'abc', 'client-certificate-data': base64('CERT'), 'client-key-data': base64('KEY') },
      }),
    );
    const credentials = await load({ kubeconfig: file });
    expect(credentials.server.href).toBe('https://api.example.com:6443/prefix');
    expect(credentials.namespace).toBe('ns');
    expect(await credentials.headers()).toEqual({ authorization: 'Bearer abc' });
    expect(await credentials.tls()).toEqual({
      ca: Buffer.from('CA'),
      cert: Buffer.from('CERT'),
      key: Buffer.from('KEY'),
      servername: 'other.example.com',
      rejectUnauthorized: true,
    });
  });

  test('gives a server without the name and the password that its address may carry', async () => {
    const file = await put('config', kubeconfig({ server: 'https://somebody:secret@api.example.com:6443/prefix' }));
    expect((await load({ kubeconfig: file })).server.href).toBe('https://api.example.com:6443/prefix');
  });

  test('may name its files beside it', async () => {
    await put('pki/ca.crt', 'CA');
    await put('token', 'first\n');
    const file = await put(
      'config',
      kubeconfig({ cluster: { 'certificate-authority': 'pki/ca.crt' }, user: { tokenFile: 'token' } }),
    );
    const credentials = await load({ kubeconfig: file });
    expect((await credentials.tls()).ca).toEqual(Buffer.from('CA'));
    expect(await credentials.headers()).toEqual({ authorization: 'Bearer first' });
    await put('token', 'second');
    await clock.advance(60_000);
    expect(await credentials.headers()).toEqual({ authorization: 'Bearer second' });
  });

  test('may switch off the check of certificates', async () => {
    const file = await put('config', kubeconfig({ cluster: { 'insecure-skip-tls-verify': true } }));
    expect((await (await load({ kubeconfig: file })).tls()).rejectUnauthorized).toBe(false);
  });

  test('may impersonate, and use a name and a password', async () => {
    const file = await put('config', kubeconfig({ user: { as: 'jane', username: 'u', password: 'p' } }));
    expect(await (await load({ kubeconfig: file })).headers()).toEqual({
      'impersonate-user': 'jane',
      authorization: `Basic ${base64('u:p')}`,
    });
  });

  test('may name a proxy, before that of the environment; another one later is another way to the server', async () => {
    const named = (proxy: string) => kubeconfig({ cluster: { 'proxy-url': proxy }, user: { token: 't' } });
    const file = await put('config', named('http://one:3128'));
    const env = { HOME: directory, HTTPS_PROXY: 'http://two:3128' };
    const credentials = await load({ kubeconfig: file, env });
    expect((await credentials.tls()).proxy?.host).toBe('one:3128');
    await put('config', named('http://three:3128'));
    await credentials.refresh();
    expect([(await credentials.tls()).proxy?.host, credentials.tlsGeneration]).toEqual(['three:3128', 1]);
    const other = await load({ kubeconfig: await put('other', kubeconfig()), env });
    expect((await other.tls()).proxy?.host).toBe('two:3128');
    const none = await load({ kubeconfig: file, env: { ...env, NO_PROXY: '192.0.2.0/24' }, context: 'one' });
    expect((await none.tls()).proxy?.host).toBe('three:3128');
    const direct = await load({ kubeconfig: join(directory, 'other'), env: { ...env, NO_PROXY: '192.0.2.0/24' } });
    expect((await direct.tls()).proxy).toBeUndefined();
  });

  test('is read again after a 401, and a new certificate is noticed', async () => {
    const credentials = await load({ kubeconfig: await putWithCertificate('old', 'one') });
    await credentials.headers();
    await putWithCertificate('new', 'two');
    await credentials.refresh();
    expect(await credentials.headers()).toEqual({ authorization: 'Bearer new' });
    expect(credentials.tlsGeneration).toBe(1);
  });

  const unusable: readonly (readonly [string, string, string])[] = [
    [
      'has a proxy of another kind',
      kubeconfig({ cluster: { 'proxy-url': 'socks5://192.0.2.9' } }),
      'only http:// and https:// are supported',
    ],
    ['is for kubectl proxy', kubeconfig({ server: 'http://localhost:8001' }), 'only https:// is supported'],
    ['has a server that is no address', kubeconfig({ server: 'nonsense' }), 'no usable server address'],
    ['has no current context', kubeconfig({ currentContext: undefined }), 'no current context'],
    ['names a context that is not there', kubeconfig({ currentContext: 'two' }), 'no context "two"'],
    [
      'names a cluster that is not there',
      kubeconfig({ context: { cluster: 'x' } }),
      'the cluster "x", which is not there',
    ],
    ['names a user that is not there', kubeconfig({ context: { user: 'x' } }), 'names no user that is there'],
    [
      'impersonates groups',
      kubeconfig({ user: { as: 'a', 'as-groups': ['g'] } }),
      'impersonates more than a user name',
    ],
    ['is no YAML', '{', 'it is not valid YAML at line 1, column 2 (MISSING_CHAR)'],
    ['is empty', '', 'it is no YAML or JSON object'],
    ['is text', 'token', 'it is no YAML or JSON object'],
    ['has no list of users', 'users: {}', 'users must be a list'],
    ['has a user without a name', 'users: [{user: {}}]', 'users[0].name must be text'],
    ['has a cluster that is text', 'clusters: [{name: a, cluster: b}]', 'clusters[0].cluster must be an object'],
    [
      'has a number for a token',
      kubeconfig({ user: { token: 7 } }),
      'users[0].user.token must be text: put it in quotes',
    ],
    ['has words for a flag', kubeconfig({ cluster: { 'insecure-skip-tls-verify': 'yes' } }), 'must be true or false'],
    ['has a plugin without a command', kubeconfig({ user: { exec: {} } }), 'users[0].user.exec.command must be text'],
    ['has an alias that leads nowhere', 'users: *all', 'an alias leads nowhere'],
  ];
  test.each(unusable)('that %s is refused with the reason', async (_what, text, reason) => {
    await expect(load({ kubeconfig: await put('config', text) })).rejects.toMatchObject({
      name: 'ApiError',
      code: 'Unauthorized',
      message: expect.stringContaining(reason),
    });
  });
});

test.each([
  ['in the line before a mistake', 'users:\n- name: u\n  user:\n    token: S3CRET\n   as: x\n'],
  ['in the mistake', 'users: [{name: u, user: {token: "S3CRET}}]'],
  ['of the wrong type', kubeconfig({ user: { token: { S3CRET: 1 } } })],
  ['before the host', kubeconfig({ server: 'http://u:S3CRET@192.0.2.1' })],
  ['where a path belongs', kubeconfig({ user: { 'client-key': 'S3CRET', 'client-certificate': 'S3CRET' } })],
  ['where the path of a token belongs', kubeconfig({ user: { tokenFile: 'S3CRET' } })],
  ['where the path of a token would belong', kubeconfig({ user: { 'token-file': 'S3CRET' } })],
])('a kubeconfig with something secret %s is refused without telling it', async (_where, text) => {
  const file = await put('config', text);
  const refusal = load({ kubeconfig: file }).then(async (credentials) => credentials.tls());
  await expect(refusal).rejects.toMatchObject({ code: 'Unauthorized', message: expect.not.stringContaining('S3CRET') });
});

test.each([
  ['no certificate', { cert: 'x', key: 'y' }],
  ['no key', { key: 'S3CRET' }],
])('%s is refused in words, without telling what it is', (_what, material) => {
  const use = () => secureContext({ rejectUnauthorized: true, ...material });
  expect(use).toThrow(/^the certificate or the key that we are to show cannot be used: (?!.*S3CRET)/);
});

describe('an exec plugin', () => {
  test('runs once for twenty first requests, and again after a 401', async () => {
    const count = join(directory, 'count');
    const credentials = await load({ kubeconfig: await withPlugin(counting(count)) });
    const all = await Promise.all(Array.from({ length: 20 }, () => credentials.headers()));
    expect(new Set(all.map(({ authorization }) => authorization))).toEqual(new Set(['Bearer token-1']));
    await clock.advance(60_000);
    expect(await credentials.headers()).toEqual({ authorization: 'Bearer token-1' });
    await Promise.all([credentials.refresh(), credentials.refresh()]);
    expect(await credentials.headers()).toEqual({ authorization: 'Bearer token-2' });
    expect(await readFile(count, 'utf8')).toBe('xx');
  });

  test('is told what kubectl tells it', async () => {
    const script = `console.log(JSON.stringify({ status: { token: process.env.KUBERNETES_EXEC_INFO + process.env.EXTRA } }));`;
    const file = await withPlugin(script, { env: [{ name: 'EXTRA', value: '!' }], provideClusterInfo: true });
    const { authorization = '' } = await (await load({ kubeconfig: file })).headers();
    expect(JSON.parse(authorization.replace('Bearer ', '').replace('!', ''))).toEqual({
      kind: 'ExecCredential',
      apiVersion: 'client.authentication.k8s.io/v1',
      spec: { interactive: false, cluster: { server: 'https://192.0.2.1:6443', 'insecure-skip-tls-verify': false } },
    });
  });

  test('may give a client certificate', async () => {
    const status = { clientCertificateData: 'CERT', clientKeyData: 'KEY' };
    const file = await withPlugin(`console.log(${JSON.stringify(JSON.stringify({ status }))})`);
    expect(await (await load({ kubeconfig: file })).tls()).toMatchObject({ cert: 'CERT', key: 'KEY' });
  });

  test('that says when its token ends runs again with a tenth of that time left', async () => {
    const count = join(directory, 'count');
    const expirationTimestamp = new Date(clock.now() + 600_000).toISOString();
    const credentials = await load({ kubeconfig: await withPlugin(counting(count, { expirationTimestamp })) });
    const tokenAfter = async (ms: number) => {
      await clock.advance(ms);
      return (await credentials.headers())['authorization'];
    };
    expect(await tokenAfter(0)).toBe('Bearer token-1');
    for (let i = 0; i < 8; i += 1) expect(await tokenAfter(60_000)).toBe('Bearer token-1');
    expect(await tokenAfter(59_999)).toBe('Bearer token-1');
    expect(await tokenAfter(1)).toBe('Bearer token-2');
    expect(await readFile(count, 'utf8')).toBe('xx');
  });

  test('gives way to a token that stands in the kubeconfig', async () => {
    const file = await withPlugin(counting(join(directory, 'count')), {}, { token: 'written' });
    expect(await (await load({ kubeconfig: file })).headers()).toEqual({ authorization: 'Bearer written' });
  });

  test('stands beside the kubeconfig where its command is a relative path', async () => {
    const script = await put('bin/plugin', `#!${process.execPath}\nconsole.log('{"status":{"token":"near"}}');`);
    await chmod(script, 0o700);
    const file = await withPlugin('', { command: './bin/plugin' });
    expect(await (await load({ kubeconfig: file })).headers()).toEqual({ authorization: 'Bearer near' });
  });

  test('that is not there is an error that says how it is had', async () => {
    const installHint = 'get it from example.com';
    const file = await withPlugin('', { command: 'no-such-plugin', installHint });
    await expect((await load({ kubeconfig: file })).headers()).rejects.toThrow(
      /the exec plugin no-such-plugin failed \(ENOENT\): get it from example\.com$/,
    );
  });

  test('that asks a question hears nothing, and goes on', async () => {
    const file = await withPlugin(
      `process.stdin.on('data', () => {}).on('end', () => console.log('{"status":{"token":"alone"}}'));`,
    );
    expect(await (await load({ kubeconfig: file })).headers()).toEqual({ authorization: 'Bearer alone' });
  });

  test.each([
    ['S3CRET', 'printed no JSON'],
    ['"S3CRET"', 'printed no ExecCredential with a status'],
    ['{"status":{}}', 'gave neither a token nor a certificate'],
    ['{"status":{"token":7}}', 'gave a status.token that is no text'],
    ['{"status":{"token":"S3CRET","clientKeyData":"KEY"}}', 'gave a certificate or a key alone'],
    [
      '{"status":{"token":"S3CRET","expirationTimestamp":"S3CRET"}}',
      'gave a status.expirationTimestamp that is no time',
    ],
  ])(
    'that prints %s is an error that says what is wrong, and runs again for the next request',
    async (printed, words) => {
      const file = await withPlugin(`console.log(${JSON.stringify(printed)})`);
      const credentials = await load({ kubeconfig: file });
      await expect(credentials.headers()).rejects.toThrow(new RegExp(`the exec plugin \\S+ ${words}$`));
      await put('plugin.mjs', `console.log('{"status":{"token":"better"}}')`);
      expect(await credentials.headers()).toEqual({ authorization: 'Bearer better' });
    },
  );

  test('that prints without end is not said to be slow', async () => {
    const file = await withPlugin(`process.stdout.write('x'.repeat(2 ** 21))`);
    await expect((await load({ kubeconfig: file })).headers()).rejects.toThrow(
      /the exec plugin \S+ failed \(ERR_CHILD_PROCESS_STDIO_MAXBUFFER\)$/,
    );
  });

  test('that fails is an error with its words', async () => {
    const file = await withPlugin(`console.error('log in first'); process.exit(1);`);
    await expect((await load({ kubeconfig: file })).headers()).rejects.toMatchObject({
      code: 'Unauthorized',
      message: expect.stringContaining('log in first'),
    });
  });
});

describe('where credentials are looked for', () => {
  const inCluster = { KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: '443' };
  test('first the file that is named, then KUBECONFIG, then the pod, then the home directory', async () => {
    const named = await put('named', kubeconfig({ server: 'https://named' }));
    const listed = await put('listed', kubeconfig({ server: 'https://listed' }));
    await put('.kube/config', kubeconfig({ server: 'https://home' }));
    const serviceAccountDirectory = await serviceAccount();
    const host = async (options: CredentialOptions) =>
      (await load({ serviceAccountDirectory, ...options })).server.hostname;
    const env = { HOME: directory, KUBECONFIG: listed, ...inCluster };
    expect(await host({ kubeconfig: named, env })).toBe('named');
    expect(await host({ env })).toBe('listed');
    expect(await host({ env: { HOME: directory, ...inCluster } })).toBe('10.0.0.1');
    expect(await host({ env: { HOME: directory } })).toBe('home');
    expect(await host({ env: { HOME: directory, ...inCluster }, context: 'one' })).toBe('home');
  });

  test('nowhere else: it says where', async () => {
    await expect(load({})).rejects.toMatchObject({ message: expect.stringContaining('KUBECONFIG is not set') });
  });

  test('in a file that is not there: it says so', async () => {
    await expect(load({ kubeconfig: join(directory, 'absent') })).rejects.toMatchObject({
      message: expect.stringContaining('cannot be read'),
    });
  });

  test('in several files of which the first that says something wins', async () => {
    const one = await put('one', kubeconfig({ name: 'one', server: 'https://one', currentContext: undefined }));
    const two = await put('two', kubeconfig({ name: 'two', server: 'https://two' }));
    const again = await put('again', kubeconfig({ name: 'one', server: 'https://again' }));
    const env = { KUBECONFIG: [join(directory, 'absent'), one, two, again].join(':') };
    expect((await load({ env })).server.hostname).toBe('two');
    expect((await load({ env, context: 'one' })).server.hostname).toBe('one');
  });

  test('in several files, and nothing of a user that an earlier one names too', async () => {
    const first = await put('first', kubeconfig({ user: { token: 'first' } }));
    const exec = { command: 'no-such-plugin' };
    const second = await put('second', kubeconfig({ user: { tokenFile: await put('token', 'second'), exec } }));
    const env = { KUBECONFIG: [first, second].join(':') };
    expect(await (await load({ env })).headers()).toEqual({ authorization: 'Bearer first' });
  });

  test('in a pod, whose token and CA are read again', async () => {
    const serviceAccountDirectory = await serviceAccount();
    const credentials = await load({ env: inCluster, serviceAccountDirectory });
    expect(credentials.server.href).toBe('https://10.0.0.1/');
    expect(credentials.namespace).toBe('watchkeeper-system');
    expect(await credentials.headers()).toEqual({ authorization: 'Bearer pod-token' });
    expect(await credentials.tls()).toEqual({ ca: 'CA', rejectUnauthorized: true });
    await put('account/token', 'rotated');
    await put('account/ca.crt', 'NEW CA');
    await clock.advance(60_000);
    expect(await credentials.headers()).toEqual({ authorization: 'Bearer rotated' });
    expect((await credentials.tls()).ca).toBe('NEW CA');
    expect(credentials.tlsGeneration).toBe(1);
  });

  test('in a pod, whose token is read at once after a 401', async () => {
    const serviceAccountDirectory = await serviceAccount();
    const credentials = await load({ env: inCluster, serviceAccountDirectory });
    await credentials.headers();
    await put('account/token', 'rotated');
    await credentials.refresh();
    expect(await credentials.headers()).toEqual({ authorization: 'Bearer rotated' });
  });

  test('in a pod on an IPv6 network', async () => {
    const env = { ...inCluster, KUBERNETES_SERVICE_HOST: 'fd00::1' };
    const credentials = await load({ env, serviceAccountDirectory: await serviceAccount() });
    expect(credentials.server.href).toBe('https://[fd00::1]/');
  });
});

test('a client certificate of a kubeconfig is what the server sees', async () => {
  await using server = await Http2Server.start((stream) => answerJson(stream, 200, {}), { clientCertificates: true });
  const { certPem, keyPem } = authority.issue({ commonName: 'jane', usage: 'client' });
  const file = await put(
    'config',
    kubeconfig({
      server: server.url.href,
      cluster: { 'certificate-authority-data': base64(server.caPem) },
      user: { 'client-certificate-data': base64(certPem), 'client-key-data': base64(keyPem) },
    }),
  );
  const credentials = await load({ kubeconfig: file });
  const client = createKubeClient({ credentials, userAgent: 'test', clock: systemClock, log: silentLog });
  const { signal } = new AbortController();
  await client.request({ method: 'GET', path: '/version', accept: 'application/json', signal });
  await client.close();
  expect(server.requests.map(({ clientName }) => clientName)).toEqual(['jane']);
});

test('a client certificate that is rotated is shown on new connections, and what is under way on the old one comes to its end', async () => {
  const held: ServerHttp2Stream[] = [];
  const answer = (stream: ServerHttp2Stream, { path }: ReceivedRequest) => {
    if (path === '/version') answerJson(stream, 200, {});
    else held.push(stream);
    if (path === '/api/v1/watched') stream.respond({ ':status': 200 });
  };
  await using server = await Http2Server.start(answer, { clientCertificates: true });
  const show = async (commonName: string) => {
    const { certPem, keyPem } = authority.issue({ commonName, usage: 'client' });
    await put('tls.crt', certPem);
    await put('tls.key', keyPem);
  };
  await show('before');
  const file = await put(
    'config',
    kubeconfig({
      server: server.url.href,
      cluster: { 'certificate-authority-data': base64(server.caPem) },
      user: { 'client-certificate': 'tls.crt', 'client-key': 'tls.key' },
    }),
  );
  const credentials = await load({ kubeconfig: file });
  const client = createKubeClient({ credentials, userAgent: 'test', clock: systemClock, log: silentLog });
  const { signal } = new AbortController();
  const get = (path: string) => ({ method: 'GET' as const, path, accept: 'application/json', signal });
  const seen: string[] = [];
  const watch = await client.stream(get('/api/v1/watched'), (chunk) => seen.push(chunk.toString()));
  const slow = client.request(get('/api/v1/slow'));
  await expect.poll(() => held.length).toBe(2);

  await show('after');
  await clock.advance(120_000);
  await client.request(get('/version'));
  expect(server.requests.map(({ path, clientName }) => `${path} ${clientName}`)).toEqual([
    '/api/v1/watched before',
    '/api/v1/slow before',
    '/version after',
  ]);
  const [watched, slowed] = held;
  watched?.end('all of it');
  if (slowed !== undefined) answerJson(slowed, 200, {});
  expect((await slow).status).toBe(200);
  await watch.ended;
  expect(seen).toEqual(['all of it']);
  await client.close();
});

test('a server that has got another authority is trusted again as soon as the kubeconfig names it', async () => {
  await using server = await Http2Server.start((stream) => answerJson(stream, 200, {}));
  const trusting = (caPem: string) =>
    kubeconfig({ server: server.url.href, cluster: { 'certificate-authority-data': base64(caPem) } });
  const file = await put('config', trusting(createAuthority('loopback').certPem));
  const credentials = await load({ kubeconfig: file });
  const client = createKubeClient({ credentials, userAgent: 'test', clock: systemClock, log: silentLog });
  const { signal } = new AbortController();
  const get = () => client.request({ method: 'GET', path: '/version', accept: 'application/json', signal });
  await expect(get()).rejects.toThrow('not signed by an authority that we trust');
  await put('config', trusting(server.caPem));
  const seen: unknown[] = [];
  await expect
    .poll(async () => {
      // The file is read at most once in so long, and the read that the first refusal led to may end only now.
      await clock.advance(5_000);
      seen.push(await get().then(({ status }) => status, String));
      return seen.at(-1);
    })
    .toBe(200);
  expect(seen[0]).toContain('not signed by an authority that we trust');
  await client.close();
});
