import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import * as z from 'zod';
import { eventually, PATIENCE_MS } from '../cluster/eventually.ts';

const LogLine = z.looseObject({ level: z.number(), msg: z.string() });
export type LogLine = z.infer<typeof LogLine>;

export interface ProductArguments {
  /** Path of the bundle. */
  readonly bundle: string;
  readonly kubeconfig: string;
  /**
   * Those of different names stand for election against each other; a later one takes the Lease of an earlier one of
   * its name at once. '' for versions without election.
   */
  readonly identity?: string;
  /** Further arguments of `watchkeeper run`. */
  readonly args?: readonly string[];
  readonly nodeFlags?: readonly string[];
}

/** The product as users run it: the bundle, in a process of its own. */
export class ProductProcess {
  readonly exited: Promise<number | undefined>;
  readonly #child: ChildProcess;
  readonly #lines: LogLine[] = [];
  /** What is no log line: a crash says why here. */
  readonly #noise: string[] = [];

  /** Does not wait: see `ready`. */
  constructor({ bundle, kubeconfig, identity = 'operator', args = [], nodeFlags = [] }: ProductArguments) {
    const listen = ['--listen', '127.0.0.1:0', '--log-level', 'debug'];
    if (identity !== '') listen.push('--identity', identity);
    const all = [...nodeFlags, bundle, 'run', '--kubeconfig', kubeconfig, ...listen, ...args];
    this.#child = spawn(process.execPath, all, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.exited = once(this.#child, 'exit').then(([code]) => (typeof code === 'number' ? code : undefined));
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream !== null) createInterface({ input: stream }).on('line', (line) => this.#take(line));
    }
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get lines(): readonly LogLine[] {
    return this.#lines;
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** What it printed that is no line of its log. */
  get noise(): readonly string[] {
    return this.#noise;
  }

  /** Resolves when policies and CRDs are known. */
  async ready(timeoutMs = PATIENCE_MS): Promise<void> {
    const readyz = async () => {
      if (this.#child.exitCode !== null)
        throw new Error(`the operator ended with ${this.#child.exitCode}:\n${this.tail()}`);
      const answer = await fetch(`${await this.url()}/readyz`).catch(() => undefined);
      return answer === undefined ? 'no answer' : `${answer.status} ${await answer.text()}`;
    };
    await eventually('/readyz', readyz, (text) => text.startsWith('200'), { timeoutMs }).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${this.tail()}`);
    });
  }

  /** A page of its health and metrics server. */
  async page(path: string): Promise<{ readonly status: number; readonly body: string }> {
    // A connection that is kept would be one more that the operator holds.
    const answer = await fetch(`${await this.url()}${path}`, { headers: { connection: 'close' } });
    return { status: answer.status, body: await answer.text() };
  }

  /** The sum of a metric over all its labels, or over those that `labels` is part of: `kind="configmaps"`. */
  async metric(name: string, labels = ''): Promise<number> {
    const lines = await this.#series(name);
    return lines
      .filter((line) => line.includes(labels))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  }

  /** Of each series of a metric, the value of one label by that of another. */
  async labels(name: string, by: string, of: string): Promise<ReadonlyMap<string, string>> {
    const lines = await this.#series(name);
    return new Map(lines.map((line) => [labelOf(line, by), labelOf(line, of)]));
  }

  /** Resolves to the exit code after SIGTERM. */
  async stop(): Promise<number | undefined> {
    this.#child.kill('SIGTERM');
    return this.exited;
  }

  /** SIGKILL: no chance to finish anything. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.exited;
  }

  /** The last lines that it logged. */
  tail(count = 20): string {
    return [...this.#lines.slice(-count).map((line) => JSON.stringify(line)), ...this.#noise.slice(-count)].join('\n');
  }

  /** Where its health and metrics are served, once it says so. */
  async url(): Promise<string> {
    const started = await eventually(
      'the line that names the address',
      async () => this.#lines.find(({ msg }) => msg === 'watchkeeper runs'),
      (line) => line !== undefined || this.#child.exitCode !== null,
    );
    return `http://${String(started?.['listen'])}`;
  }

  async #series(name: string): Promise<readonly string[]> {
    const { body } = await this.page('/metrics');
    return body.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  }

  #take(line: string): void {
    try {
      this.#lines.push(LogLine.parse(JSON.parse(line)));
    } catch {
      this.#noise.push(line);
    }
  }
}

function labelOf(line: string, label: string): string {
  return new RegExp(`[{,]${label}="([^"]*)"`).exec(line)?.[1] ?? '';
}
