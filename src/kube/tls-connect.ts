import { isIP } from 'node:net';
import { connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import { messageOf } from '../base/errors.ts';
import type { TlsMaterial } from './credentials.ts';
import { endPointOf } from './end-point.ts';
import { openTunnel } from './proxy-tunnel.ts';

/**
 * So long after the last byte the kernel begins to ask whether the other side is still there: once a second, and after ten
 * questions without an answer the connection is broken (Node sets both for `setKeepAlive`).
 */
const KEEP_ALIVE_MS = 30_000;

/** A connection on the way. */
export interface Dialing {
  /** Rejects with the plain error of the network or of TLS. */
  readonly socket: Promise<TLSSocket>;
  /** Gives up; `socket` then rejects with `reason`. Harmless once it is there. */
  cancel(reason: Error): void;
}

/**
 * Opens TLS 1.2 or newer to the host and port of `server`, for HTTP/2, or HTTP/1.1 where that is all there is. `socket`
 * also rejects with what `secureContext` throws.
 */
export function dialTls(server: URL, tls: TlsMaterial): Dialing {
  const giveUp = new AbortController();
  return { socket: dial(server, tls, giveUp.signal), cancel: (reason) => giveUp.abort(reason) };
}

async function dial(server: URL, tls: TlsMaterial, signal: AbortSignal): Promise<TLSSocket> {
  const { host, port } = endPointOf(server);
  const servername = tls.servername ?? (isIP(host) === 0 ? host : undefined);
  const context = secureContext(tls);
  const way =
    tls.proxy === undefined
      ? { host, port }
      : { host, socket: await openTunnel(tls.proxy, `${server.hostname}:${port}`, signal) };
  const socket = connect({
    ...way,
    ALPNProtocols: ['h2', 'http/1.1'],
    rejectUnauthorized: tls.rejectUnauthorized,
    ...(servername === undefined ? {} : { servername }),
    secureContext: context,
  });
  socket.setNoDelay(true);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  return secured(socket, signal);
}

function secured(socket: TLSSocket, signal: AbortSignal): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const onAbort = () => void socket.destroy(signal.reason instanceof Error ? signal.reason : undefined);
    signal.addEventListener('abort', onAbort, { once: true });
    // Both stay: once the promise is settled they do nothing, and an error without a listener would end the process.
    socket.on('error', reject);
    socket.once('close', () => reject(new Error('the server closed the connection during the TLS handshake')));
    if (signal.aborted) onAbort();
    socket.once('secureConnect', () => {
      signal.removeEventListener('abort', onAbort);
      resolve(socket);
    });
  });
}

/** Throws Error that says which of certificates and key cannot be used. */
export function secureContext({ ca, cert, key }: TlsMaterial): SecureContext {
  const minVersion = 'TLSv1.2';
  try {
    return createSecureContext({
      minVersion,
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    });
  } catch (error) {
    throw new Error(`the certificate or the key that we are to show cannot be used: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
