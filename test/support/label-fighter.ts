import { setTimeout as delay } from 'node:timers/promises';
import type { Admin } from '../cluster/api.ts';

/** Another controller: sets a label of one object back as soon as it sees it with another value, until it is stopped. */
export class LabelFighter {
  readonly #admin: Admin;
  readonly #path: string;
  readonly #label: readonly [key: string, value: string];
  readonly #manager: string;
  readonly #loop: Promise<void>;
  #stopped = false;
  /** How often it had to. */
  reverts = 0;

  constructor(admin: Admin, path: string, manager: string, label: readonly [key: string, value: string]) {
    this.#admin = admin;
    this.#path = path;
    this.#manager = manager;
    this.#label = label;
    this.#loop = this.#run();
  }

  /** Rejects with what it failed of. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#loop;
  }

  async #run(): Promise<void> {
    const [key, value] = this.#label;
    while (!this.#stopped) {
      const { metadata } = await this.#admin.get(this.#path);
      if (metadata.labels[key] !== value) {
        await this.#admin.patch(`${this.#path}?fieldManager=${this.#manager}`, {
          metadata: { labels: { [key]: value } },
        });
        this.reverts += 1;
      }
      await delay(20);
    }
  }
}
