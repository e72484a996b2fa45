import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { eventually } from '../cluster/eventually.ts';
import type { Watchdog } from '../cluster/watchdog.ts';
import { ProductProcess } from '../support/product-process.ts';
import { type Heap, Inspector } from './inspector.ts';

export interface ReplicaOptions {
  readonly name: string;
  readonly bundle: string;
  readonly kubeconfig: string;
  readonly nodeFlags: readonly string[];
  readonly args: readonly string[];
  readonly watchdog: Watchdog;
}

/** What a process holds, read from outside while it works. */
export interface Sample {
  /** Milliseconds since the process was started. */
  readonly ageMs: number;
  readonly residentBytes: number;
  readonly sockets: number;
  readonly descriptors: number;
}

/** What it holds when there is nothing to do. */
export interface Holdings extends Sample {
  readonly heap: Heap;
  /** By the name that Node gives it: what keeps its event loop alive. */
  readonly resources: ReadonlyMap<string, number>;
  /** Streams to the server that are watches. */
  readonly watches: number;
  /** Kinds by their state. */
  readonly kinds: ReadonlyMap<string, string>;
}

/** One replica: a process, and the one that takes its place after it was killed. */
export class Replica {
  readonly name: string;
  readonly #options: ReplicaOptions;
  #process: ProductProcess;
  #startedAt = performance.now();
  /** Counts its processes from 0. */
  life = 0;

  constructor(options: ReplicaOptions) {
    this.name = options.name;
    this.#options = options;
    this.#process = this.#launch();
  }

  get process(): ProductProcess {
    return this.#process;
  }

  get isRunning(): boolean {
    return this.#process.isRunning;
  }

  /** In place of one that has ended. */
  restart(): void {
    this.#options.watchdog.forget(this.#process.pid);
    this.life += 1;
    this.#startedAt = performance.now();
    this.#process = this.#launch();
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    process.kill(this.#process.pid, signal);
  }

  /** Undefined while it has no process. */
  sample(): Sample | undefined {
    const folder = `/proc/${this.#process.pid}`;
    try {
      const kib = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`${folder}/status`, 'utf8'))?.[1]);
      const targets = readdirSync(`${folder}/fd`).map((fd) => linkOf(`${folder}/fd/${fd}`));
      const sockets = targets.filter((target) => target.startsWith('socket:')).length;
      const ageMs = performance.now() - this.#startedAt;
      return { ageMs, residentBytes: kib * 1024, sockets, descriptors: targets.length };
    } catch {
      return undefined;
    }
  }

  async holdings(): Promise<Holdings> {
    const url = await eventually(
      'the address of the inspector',
      async () => /ws:\S+/.exec(this.#process.noise.join('\n'))?.[0] ?? '',
      (found) => found !== '',
    );
    using inspector = await Inspector.attach(url);
    const heap = await inspector.heap();
    const resources = await inspector.resources();
    const watches = await this.#process.metric('watchkeeper_streams', 'pool="watch"');
    const kinds = await this.#process.labels('watchkeeper_informer_state', 'kind', 'state');
    const sample = this.sample();
    if (sample === undefined) throw new Error(`replica ${this.name} has ended:\n${this.#process.tail()}`);
    return { ...sample, heap, resources, watches, kinds };
  }

  async stop(): Promise<void> {
    if (!this.isRunning) return;
    await this.#process.stop();
    this.#options.watchdog.forget(this.#process.pid);
  }

  #launch(): ProductProcess {
    const { bundle, kubeconfig, nodeFlags, args, watchdog } = this.#options;
    const flags = [...nodeFlags, '--inspect=127.0.0.1:0'];
    const launched = new ProductProcess({ bundle, kubeconfig, nodeFlags: flags, args });
    watchdog.watch(launched.pid);
    return launched;
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
