import { isIP } from 'node:net';
import { connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import { messageOf } from '../base/errors.ts';
import type { TlsMaterial } from './credentials.ts';

const KEEP_ALIVE_MS = 30_000;

/** A connection on the way. */
export interface Dialing {
  /** Rejects with the plain error of the network or of TLS. */
  readonly socket: Promise<TLSSocket>;
  /** Gives up; `socket` then rejects with `reason`. Harmless once it is there. */
  cancel(reason: Error): void;
}

/** Opens TLS 1.2 or newer to the host and port of `server`, for HTTP/2 and nothing else. Throws what `secureContext` does. */
export function dialTls(server: URL, tls: TlsMaterial): Dialing {
  // URLs write IPv6 addresses in brackets, sockets do not.
  const host = server.hostname.replace(/^\[|\]$/g, '');
  const servername = tls.servername ?? (isIP(host) === 0 ? host : undefined);
  const socket = connect({
    host,
    port: Number(server.port === '' ? 443 : server.port),
    ALPNProtocols: ['h2'],
    rejectUnauthorized: tls.rejectUnauthorized,
    ...(servername === undefined ? {} : { servername }),
    secureContext: secureContext(tls),
  });
  socket.setNoDelay(true);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  const ready = new Promise<TLSSocket>((resolve, reject) => {
    // Both stay: once the promise is settled they do nothing, and an error without a listener would end the process.
    socket.on('error', reject);
    socket.once('close', () => reject(new Error('the server closed the connection during the TLS handshake')));
    socket.once('secureConnect', () => {
      if (socket.alpnProtocol === 'h2') {
        resolve(socket);
        return;
      }
      socket.destroy(new Error('the server does not speak HTTP/2'));
    });
  });
  return { socket: ready, cancel: (reason) => void socket.destroy(reason) };
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
