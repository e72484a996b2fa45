/** Many may pass at once, or one alone: who wants to be alone waits for the others, and lets nobody in meanwhile. */
export class Turnstile {
  #inside = 0;
  #alone: Promise<void> | undefined;
  readonly #left: (() => void)[] = [];

  async together<T>(work: () => Promise<T>): Promise<T> {
    while (this.#alone !== undefined) await this.#alone;
    this.#inside += 1;
    try {
      return await work();
    } finally {
      this.#inside -= 1;
      if (this.#inside === 0) for (const leave of this.#left.splice(0)) leave();
    }
  }

  async alone(work: () => Promise<void>): Promise<void> {
    while (this.#alone !== undefined) await this.#alone;
    const done = Promise.withResolvers<void>();
    this.#alone = done.promise;
    if (this.#inside > 0) await new Promise<void>((resolve) => this.#left.push(resolve));
    try {
      await work();
    } finally {
      this.#alone = undefined;
      done.resolve();
    }
  }
}
