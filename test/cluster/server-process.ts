import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Watchdog } from './watchdog.ts';

export interface ServerCommand {
  readonly name: string;
  readonly path: string;
  readonly args: readonly string[];
  /** Standard output and error are appended here. */
  readonly logFile: string;
}

/** One started server. */
export class ServerProcess {
  readonly #command: ServerCommand;
  readonly #process: ChildProcess;
  readonly #ended: Promise<void>;
  #running = true;
  #failure = '';

  constructor(command: ServerCommand, watchdog: Watchdog) {
    this.#command = command;
    const log = openSync(command.logFile, 'a');
    // In a session of its own: on Ctrl-C the order of stopping is ours, and etcd stops last.
    this.#process = spawn(command.path, command.args, { detached: true, stdio: ['ignore', log, log] });
    closeSync(log);
    const { pid } = this.#process;
    if (pid !== undefined) watchdog.watch(pid);
    this.#ended = new Promise((resolve) => {
      const end = (failure: string): void => {
        this.#running = false;
        this.#failure = failure;
        if (pid !== undefined) watchdog.forget(pid);
        resolve();
      };
      this.#process.once('error', (error) => end(error.message));
      this.#process.once('exit', (code, signal) => end(code === null ? `killed by ${signal}` : `exit code ${code}`));
    });
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  get running(): boolean {
    return this.#running;
  }

  signal(signal: NodeJS.Signals): void {
    if (this.#running) this.#process.kill(signal);
  }

  /** Resolves when it has ended; it is killed if SIGTERM is not enough within `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.signal('SIGTERM');
    // A paused process would not hear it.
    this.signal('SIGCONT');
    const timer = setTimeout(() => this.signal('SIGKILL'), graceMs);
    await this.#ended;
    clearTimeout(timer);
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.#ended;
  }

  /**
   * Resolves when `probe` answers true, which is asked again and again.
   * @throws Error that carries the end of the log when the process ends first, or after `timeoutMs`
   */
  async ready(probe: () => Promise<boolean>, timeoutMs: number, intervalMs = 25): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      if (!this.#running) throw this.#startFailure(`ended (${this.#failure})`);
      if (await probe().catch(() => false)) return;
      if (performance.now() > deadline) throw this.#startFailure(`was not ready after ${timeoutMs / 1000} s`);
      await delay(intervalMs);
    }
  }

  #startFailure(what: string): Error {
    const { name, logFile } = this.#command;
    const tail = readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-30).join('\n');
    return new Error(`${name} ${what}. The end of its log:\n${tail}`);
  }
}
