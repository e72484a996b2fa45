import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A TCP relay that can stop relaying while its connections stay open, as a network does that lost its way. */
export class FreezableProxy implements AsyncDisposable {
  readonly url: URL;
  readonly #sockets: Set<Socket>;
  readonly #close: () => Promise<void>;

  private constructor(url: URL, sockets: Set<Socket>, close: () => Promise<void>) {
    this.url = url;
    this.#sockets = sockets;
    this.#close = close;
  }

  static async start(target: URL): Promise<FreezableProxy> {
    const sockets = new Set<Socket>();
    const server = createServer((near) => {
      const far = connect(Number(target.port), target.hostname);
      for (const socket of [near, far]) {
        sockets.add(socket);
        socket.on('error', () => {});
        socket.on('close', () => {
          sockets.delete(socket);
          near.destroy();
          far.destroy();
        });
      }
      near.on('data', (chunk) => far.write(chunk));
      far.on('data', (chunk) => near.write(chunk));
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const { port } = server.address() as AddressInfo;
    return new FreezableProxy(
      new URL(`https://127.0.0.1:${port}`),
      sockets,
      () =>
        new Promise((resolve) => {
          for (const socket of sockets) socket.destroy();
          server.close(() => resolve());
        }),
    );
  }

  /** From now on nothing passes on the connections that are open. */
  freeze(): void {
    for (const socket of this.#sockets) {
      socket.removeAllListeners('data');
      socket.pause();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#close();
  }
}
