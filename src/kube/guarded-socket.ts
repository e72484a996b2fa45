import { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';

type Done = (error?: Error | null) => void;

/**
 * A socket that is asked for leave with all that goes out, at the moment in which it does. HTTP/2 hands requests to its
 * socket only a while after it has taken them, and a process can be stopped in between and wake much later.
 */
export class GuardedSocket extends Duplex {
  readonly #socket: TLSSocket;
  readonly #maySend: () => boolean;

  constructor(socket: TLSSocket, maySend: () => boolean) {
    super();
    this.#socket = socket;
    this.#maySend = maySend;
    socket.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) socket.pause();
    });
    socket.on('end', () => this.push(null));
    socket.on('error', (error: Error) => this.destroy(error));
    socket.on('close', () => this.destroy());
  }

  /** Asked of a socket that HTTP/1.1 keeps for its next request. */
  setKeepAlive(enable?: boolean, initialDelay?: number): this {
    this.#socket.setKeepAlive(enable, initialDelay);
    return this;
  }

  setTimeout(timeout: number): this {
    this.#socket.setTimeout(timeout);
    return this;
  }

  ref(): this {
    this.#socket.ref();
    return this;
  }

  unref(): this {
    this.#socket.unref();
    return this;
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.#send(chunk, done);
  }

  /** The frames of a request come one by one: sent by themselves, each would be a record of TLS and a packet. */
  override _writev(parts: readonly { readonly chunk: Buffer }[], done: Done): void {
    this.#send(Buffer.concat(parts.map(({ chunk }) => chunk)), done);
  }

  override _final(done: () => void): void {
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }

  #send(bytes: Buffer, done: Done): void {
    if (this.#maySend()) {
      this.#socket.write(bytes, done);
      return;
    }
    this.#socket.destroy();
    done(new Error('nothing may be sent any more'));
  }
}
