/** Work that is done by one at a time, as long as there is some. */
export class SerialWork {
  readonly #work: () => Promise<void>;
  #running: Promise<void> | undefined;
  #isWoken = false;

  /** `work` does what there is to do, and must not reject. */
  constructor(work: () => Promise<void>) {
    this.#work = work;
  }

  /** Settles when nobody works any more; undefined when nobody does. */
  get running(): Promise<void> | undefined {
    return this.#running;
  }

  /** There is something to do: begins at once. Where somebody is at it, or about to end, that one looks again. */
  wake(): void {
    this.#isWoken = true;
    this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    while (this.#isWoken) {
      this.#isWoken = false;
      await this.#work();
    }
    this.#running = undefined;
  }
}
