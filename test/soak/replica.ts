import type { Watchdog } from '../cluster/watchdog.ts';
import { ProductProcess } from '../support/product-process.ts';
import { type Holdings, holdingsOf, INSPECTABLE, type Outside, outsideOf } from './holdings.ts';

export interface ReplicaOptions {
  readonly name: string;
  readonly bundle: string;
  readonly kubeconfig: string;
  readonly nodeFlags: readonly string[];
  readonly args: readonly string[];
  readonly watchdog: Watchdog;
}

/** What it holds, read from outside while it works. */
export interface Sample extends Outside {
  /** Milliseconds since the process was started. */
  readonly ageMs: number;
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
    const outside = outsideOf(this.#process.pid);
    return outside === undefined ? undefined : { ...outside, ageMs: performance.now() - this.#startedAt };
  }

  async holdings(): Promise<Holdings> {
    return holdingsOf(this.#process);
  }

  async stop(): Promise<void> {
    if (!this.isRunning) return;
    await this.#process.stop();
    this.#options.watchdog.forget(this.#process.pid);
  }

  #launch(): ProductProcess {
    const { bundle, kubeconfig, nodeFlags, args, watchdog } = this.#options;
    const flags = [...nodeFlags, INSPECTABLE];
    const launched = new ProductProcess({ bundle, kubeconfig, nodeFlags: flags, args });
    watchdog.watch(launched.pid);
    return launched;
  }
}
