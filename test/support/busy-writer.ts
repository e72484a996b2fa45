import { setTimeout as delay } from 'node:timers/promises';
import type { Admin } from '../cluster/api.ts';
import { eventually } from '../cluster/eventually.ts';

const ANNOTATION = 'busy';
const TICK_MS = 20;

export interface BusyWriterOptions {
  readonly admin: Admin;
  /** Of the objects that it writes, one after another. */
  readonly paths: readonly string[];
  readonly perSecond: number;
}

/**
 * Another field manager that changes an annotation of its own all the time, as fast as the server lets it, until it is
 * stopped.
 */
export class BusyWriter {
  readonly #options: BusyWriterOptions;
  readonly #loop: Promise<void>;
  #isStopped = false;
  #begun = 0;
  /** Writes that the server has carried out. */
  made = 0;

  constructor(options: BusyWriterOptions) {
    this.#options = options;
    this.#loop = this.#run();
  }

  async more(count: number): Promise<void> {
    const enough = this.made + count;
    await eventually(
      'writes of another',
      async () => this.made,
      (made) => made >= enough,
    );
  }

  /** Takes its annotation away. Rejects with what it failed of. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#loop;
    await Promise.all(this.#options.paths.map((path) => this.#write(path, null)));
  }

  async #run(): Promise<void> {
    const { paths, perSecond } = this.#options;
    while (!this.#isStopped) {
      const batch = Array.from({ length: Math.ceil((perSecond * TICK_MS) / 1_000) }, () => {
        this.#begun += 1;
        return this.#write(paths[this.#begun % paths.length] ?? '', String(this.#begun));
      });
      await Promise.all([...batch, delay(TICK_MS)]);
    }
  }

  async #write(path: string, value: string | null): Promise<void> {
    const metadata = { annotations: { [ANNOTATION]: value } };
    await this.#options.admin.patch(`${path}?fieldManager=busy`, { metadata });
    this.made += 1;
  }
}
