import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** What happens to the bytes of a connection. `Lost`: they vanish, and so does its end, as where a firewall forgot it. */
type Weather = 'Fine' | 'Frozen' | 'Lost';

/** A connection, and where it leads. */
interface Link {
  readonly near: Socket;
  readonly far: Socket;
  weather: Weather;
  /** Told of each change of the weather, and of the end. */
  readonly waiting: Set<() => void>;
}

/** A TCP relay that can do to its connections what networks do. It knows nothing of what they carry. */
export class Network implements AsyncDisposable {
  readonly url: string;
  /** When each connection was asked for, also those that were refused, on the clock of `performance.now()`. */
  readonly attempts: number[] = [];
  readonly #server: Server;
  readonly #target: URL;
  readonly #links = new Set<Link>();
  #isDown = false;
  #next: Weather = 'Fine';
  #bytesPerSecond = Number.POSITIVE_INFINITY;

  private constructor(server: Server, target: URL) {
    this.#server = server;
    this.#target = target;
    this.url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('connection', (near) => this.#join(near));
  }

  static async start(target: string | URL): Promise<Network> {
    const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Network(server, new URL(target));
  }

  get open(): number {
    return this.#links.size;
  }

  /** Directions of connections in which something waits for the thaw. */
  get held(): number {
    let count = 0;
    for (const { waiting } of this.#links) count += waiting.size;
    return count;
  }

  /** Ends all connections that are open by RST; new ones are taken. */
  cut(): void {
    for (const { near, far } of this.#links) {
      near.resetAndDestroy();
      far.destroy();
    }
  }

  /** Ends all connections that are open as their ends would. */
  hangUp(): void {
    for (const link of this.#links) end(link);
  }

  /** As `cut`, and new connections are reset at once, until it is `up`. */
  down(): void {
    this.#isDown = true;
    this.cut();
  }

  /** New connections work. Those that froze or lost their bytes stay as they are. */
  up(): void {
    this.#isDown = false;
    this.#next = 'Fine';
  }

  /** All is well, as far as it can be: what was lost is lost. */
  heal(): void {
    this.up();
    this.thaw();
    this.slow(Number.POSITIVE_INFINITY);
  }

  /** Nothing passes on the connections that are open, until `thaw`. Both ends see them as open. */
  freeze(): void {
    this.#turn('Frozen');
  }

  thaw(): void {
    for (const link of this.#links) if (link.weather === 'Frozen') turn(link, 'Fine');
  }

  /** What is sent on the connections that are open vanishes, for ever; neither end learns of it. New ones work. */
  lose(): void {
    this.#turn('Lost');
  }

  /** As `lose`, and new connections are taken and lead nowhere, until it is `up`. */
  loseAll(): void {
    this.#next = 'Lost';
    this.lose();
  }

  /** So many bytes per second on each connection, in each direction; Infinity again for as many as there are. */
  slow(bytesPerSecond: number): void {
    this.#bytesPerSecond = bytesPerSecond;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.hangUp();
    await closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #turn(weather: Weather): void {
    for (const link of this.#links) turn(link, weather);
  }

  #join(near: Socket): void {
    near.on('error', () => {});
    this.attempts.push(performance.now());
    if (this.#isDown) {
      near.resetAndDestroy();
      return;
    }
    const far = connect({ port: Number(this.#target.port), host: this.#target.hostname, noDelay: true });
    near.setNoDelay(true);
    const link: Link = { near, far, weather: this.#next, waiting: new Set() };
    this.#links.add(link);
    far.on('error', () => {});
    near.on('close', () => {
      this.#links.delete(link);
      end(link);
    });
    far.on('close', () => {
      if (link.weather === 'Fine') end(link);
    });
    void this.#carry(link, near, far);
    void this.#carry(link, far, near);
  }

  async #carry(link: Link, from: Socket, to: Socket): Promise<void> {
    try {
      for await (const chunk of from as AsyncIterable<Buffer>) {
        while (link.weather === 'Frozen' && !link.near.destroyed) await changed(link);
        if (link.weather === 'Lost') continue;
        if (Number.isFinite(this.#bytesPerSecond)) await sent(chunk.length / this.#bytesPerSecond);
        if (to.destroyed) return;
        if (!to.write(chunk)) await Promise.race([once(to, 'drain'), once(to, 'close')]);
      }
    } catch {
      // Both ends are told below, as far as the weather lets them know.
    }
    while (link.weather === 'Frozen' && !link.near.destroyed) await changed(link);
    if (link.weather === 'Fine') end(link);
  }
}

function turn(link: Link, weather: Weather): void {
  link.weather = weather;
  wake(link);
}

function end(link: Link): void {
  link.near.destroy();
  link.far.destroy();
  wake(link);
}

function wake({ waiting }: Link): void {
  for (const resolve of waiting) resolve();
  waiting.clear();
}

function changed({ waiting }: Link): Promise<void> {
  return new Promise((resolve) => waiting.add(resolve));
}

function sent(seconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, seconds * 1_000);
  });
}
