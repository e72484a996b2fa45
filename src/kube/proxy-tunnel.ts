import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { messageOf } from '../base/errors.ts';
import { endPointOf } from './end-point.ts';

/**
 * A way through an HTTP proxy to `target`, host and port, by CONNECT: the proxy passes bytes on and sees none of what
 * TLS carries. Rejects with an error that says which of the two failed, without the name and password that the proxy's
 * address may carry.
 */
export function openTunnel(proxy: URL, target: string, signal: AbortSignal): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const { host, port } = endPointOf(proxy);
    const request = (proxy.protocol === 'https:' ? requestHttps : requestHttp)({
      host,
      port,
      // Node would take the name that the certificate must be for from the Host header, which is the target's.
      servername: isIP(host) === 0 ? host : '',
      method: 'CONNECT',
      path: target,
      headers: { host: target, ...authorization(proxy) },
      agent: false,
      signal,
    });
    request.once('connect', ({ statusCode, statusMessage }, socket: Duplex, head: Buffer) => {
      if (statusCode !== undefined && statusCode >= 200 && statusCode < 300) {
        if (head.length > 0) socket.unshift(head);
        resolve(socket);
        return;
      }
      socket.destroy();
      reject(new Error(`the proxy ${proxy.host} refused the way to it: ${statusCode} ${statusMessage ?? ''}`.trim()));
    });
    request.once('error', (error) =>
      reject(
        signal.aborted
          ? signal.reason
          : new Error(`the proxy ${proxy.host} cannot be reached: ${messageOf(error)}`, { cause: error }),
      ),
    );
    request.end();
  });
}

function authorization({ username, password }: URL): Readonly<Record<string, string>> {
  if (username === '' && password === '') return {};
  const name = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { 'proxy-authorization': `Basic ${Buffer.from(name).toString('base64')}` };
}
