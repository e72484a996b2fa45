import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import * as z from 'zod';
import type { Bench } from './bench.ts';

const KINDS = ['GET', 'LIST', 'PATCH'] as const;
const Times = z.record(z.enum(KINDS), z.array(z.number()));
export type Times = z.infer<typeof Times>;

/** The process of `children/neighbour.ts`. */
export class Neighbour {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(bench: Bench, kubeconfig: string, namespace: string) {
    const file = join(import.meta.dirname, 'children', 'neighbour.ts');
    const child = spawn(process.execPath, [file, kubeconfig, namespace], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    bench.watchdog.watch(this.pid);
    child.once('exit', () => bench.watchdog.forget(this.pid));
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** How long its requests took since it was last asked, in milliseconds. */
  async measured(): Promise<Times> {
    this.#child.stdin?.write('\n');
    return Times.parse(JSON.parse(String((await this.#lines.next()).value)));
  }

  end(): void {
    this.#child.stdin?.end();
  }
}
