import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { answerJson, authority, Http2Server } from '../../test/support/http2-server.ts';
import { systemClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import type { Credentials, TlsMaterial } from './credentials.ts';
import { createKubeClient } from './http-client.ts';
import { proxyFor } from './proxy.ts';

const PROXY = 'http://proxy.example.com:3128';
const server = (host: string) => new URL(`https://${host}`);

describe('which proxy', () => {
  test('the one that the kubeconfig names, before that of the environment, whatever NO_PROXY says', () => {
    const env = { HTTPS_PROXY: PROXY, NO_PROXY: '*' };
    expect(proxyFor(server('api.example.com'), 'https://other:8443', env)?.href).toBe('https://other:8443/');
    expect(proxyFor(server('127.0.0.1'), 'other:8080', {})?.href).toBe('http://other:8080/');
    expect(proxyFor(server('api.example.com'), '', { https_proxy: PROXY })?.host).toBe('proxy.example.com:3128');
    expect(proxyFor(server('api.example.com'), undefined, { HTTPS_PROXY: '', HTTP_PROXY: PROXY })).toBeUndefined();
  });

  test.each<[list: string, host: string, isDirect: boolean]>([
    ['', 'api.example.com', false],
    ['*', 'api.example.com', true],
    ['example.com', 'api.example.com', true],
    ['example.com', 'example.com', true],
    ['example.com', 'notexample.com', false],
    ['.example.com', 'api.example.com', true],
    ['.example.com', 'example.com', false],
    ['*.example.com', 'api.example.com', true],
    ['EXAMPLE.com', 'API.example.com', true],
    ['other, example.com:6443', 'api.example.com:6443', true],
    ['example.com:6443', 'api.example.com', false],
    ['example.com:443', 'api.example.com', true],
    ['10.0.0.1', '10.0.0.1:6443', true],
    ['10.0.0.1:6443', '10.0.0.1:6443', true],
    ['10.0.0.1:6443', '10.0.0.1', false],
    ['10.0.0.0/8', '10.9.9.9', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['10.0.0.0/8', 'ten.example.com', false],
    ['10.0.0.0/99', '10.0.0.0', false],
    ['fd00::/8', '[fd00::1]:6443', true],
    ['fd00::1', '[fd00::1]:6443', true],
    ['[fd00::1]:6443', '[fd00::1]:6443', true],
    ['[fd00::1]:6443', '[fd00::1]', false],
    ['', 'localhost:6443', true],
    ['', '127.1.2.3', true],
    ['', '[::1]:6443', true],
  ])('NO_PROXY %j and https://%s: direct is %s', (list, host, isDirect) => {
    expect(proxyFor(server(host), undefined, { HTTPS_PROXY: PROXY, NO_PROXY: list }) === undefined).toBe(isDirect);
  });

  test('one that cannot be used is refused, without the password in its address', () => {
    expect(() => proxyFor(server('a'), 'socks5://user:secret@proxy:1080', {})).toThrow(
      'proxy-url of the kubeconfig asks for a proxy by socks5://: only http:// and https:// are supported',
    );
    expect(() => proxyFor(server('a'), undefined, { HTTPS_PROXY: 'http://user:secret@' })).toThrow(
      'HTTPS_PROXY is no address of a proxy',
    );
  });
});

interface Proxy extends AsyncDisposable {
  readonly url: URL;
  /** Targets and authorization of what was asked for. */
  readonly asked: readonly string[];
}

const proxyPair = authority.issue({ commonName: 'proxy', hosts: ['localhost'], usage: 'server' });

/** One that joins who comes with whom they name, or refuses; with TLS as `localhost`. */
async function startProxy({ refusal, isTls = false }: { refusal?: number; isTls?: boolean } = {}): Promise<Proxy> {
  const asked: string[] = [];
  const proxy: Server = isTls ? createTlsServer({ cert: proxyPair.certPem, key: proxyPair.keyPem }) : createServer();
  proxy.on('connect', ({ url = '', headers }, near) => {
    asked.push(`${url} ${headers['proxy-authorization'] ?? ''}`.trim());
    near.on('error', () => {});
    if (refusal !== undefined) {
      near.end(`HTTP/1.1 ${refusal} Not Today\r\n\r\n`);
      return;
    }
    // All names are those of this machine.
    const far = connect(Number(new URL(`tcp://${url}`).port), '127.0.0.1', () => {
      near.write('HTTP/1.1 200 Connection established\r\n\r\n');
      near.pipe(far).pipe(near);
    });
    far.on('error', () => near.destroy());
    near.on('close', () => far.destroy());
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const { port } = proxy.address() as AddressInfo;
  return {
    url: new URL(isTls ? `https://localhost:${port}` : `http://user:p%40ss@127.0.0.1:${port}`),
    asked,
    [Symbol.asyncDispose]: async () => {
      proxy.close();
      proxy.closeAllConnections();
    },
  };
}

/** `host`: what the server is called, and `servername` what it is called in its certificate. */
function clientBy(target: Http2Server, proxy: URL, { host = '127.0.0.1', servername = '127.0.0.1' } = {}) {
  const tls: TlsMaterial = { ca: target.caPem, rejectUnauthorized: true, proxy, servername };
  const named = new URL(`https://${host}:${target.url.port}`);
  const credentials: Credentials = target.credentials({ server: named, tls: () => Promise.resolve(tls) });
  return createKubeClient({ credentials, userAgent: 'test', clock: systemClock, log: silentLog });
}

const get = (client: ReturnType<typeof clientBy>) =>
  client.request({ method: 'GET', path: '/api', accept: 'application/json', signal: new AbortController().signal });

describe('by a proxy', () => {
  test('requests and watches go through a tunnel that is asked for with the name and password of the address', async () => {
    await using target = await Http2Server.start((stream) => answerJson(stream, 200, { fine: true }));
    await using proxy = await startProxy();
    const client = clientBy(target, proxy.url);
    expect((await get(client)).body.toString()).toBe('{"fine":true}');
    expect((await get(client)).status).toBe(200);
    const said: string[] = [];
    const stream = await client.stream(
      { method: 'GET', path: '/api', accept: 'application/json', signal: new AbortController().signal },
      (chunk) => said.push(chunk.toString()),
    );
    await stream.ended;
    expect(said).toEqual(['{"fine":true}']);
    const asked = `${target.url.host} Basic ${Buffer.from('user:p@ss').toString('base64')}`;
    // One connection for requests and one for watches.
    expect(proxy.asked).toEqual([asked, asked]);
    await client.close();
  });

  test('that speaks TLS shows a certificate for its own name, whatever the API server is called', async () => {
    await using target = await Http2Server.start((stream) => answerJson(stream, 200, { fine: true }));
    await using proxy = await startProxy({ isTls: true });
    const trusted = getCACertificates();
    setDefaultCACertificates([...trusted, authority.certPem]);
    const client = clientBy(target, proxy.url, { host: 'kubernetes.example.com', servername: 'localhost' });
    expect((await get(client)).body.toString()).toBe('{"fine":true}');
    expect(proxy.asked).toEqual([`kubernetes.example.com:${target.url.port}`]);
    setDefaultCACertificates(trusted);
    await client.close();
  });

  test('that refuses, or is not there, the request fails with its name and without its password', async () => {
    await using target = await Http2Server.start((stream) => answerJson(stream, 200, {}));
    await using proxy = await startProxy({ refusal: 407 });
    const client = clientBy(target, proxy.url);
    await expect(get(client)).rejects.toMatchObject({
      code: 'Network',
      message: `the API server ${target.url.origin} cannot be reached: the proxy ${proxy.url.host} refused the way to it: 407 Not Today`,
    });
    await client.close();
    const gone = clientBy(target, new URL('http://user:secret@127.0.0.1:9'));
    const failure = await get(gone).catch((error: Error) => error.message);
    expect(failure).toContain('the proxy 127.0.0.1:9 cannot be reached');
    expect(failure).not.toContain('secret');
    await gone.close();
    expect(target.requests).toEqual([]);
  });
});
