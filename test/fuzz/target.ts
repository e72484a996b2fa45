import * as fc from 'fast-check';

/** Something that takes input from outside, and what must hold whatever that is. */
export interface FuzzTarget {
  readonly name: string;
  /** Checks so many inputs. Throws, with the smallest input that fails, as fast-check prints it. */
  readonly run: (options: RunOptions) => Promise<void>;
}

export interface RunOptions {
  readonly seed: number;
  readonly inputs: number;
  /** Ends sooner, without failing. */
  readonly timeLimitMs?: number;
}

/** No input is large: what takes longer than this hangs. The machine may be busy, so that the best of several counts. */
const LONGEST_MS = 250;

/** `regressions`: inputs that failed once. `check` throws when something does not hold. */
export function target<T>(
  name: string,
  input: fc.Arbitrary<T>,
  check: (input: T) => void,
  regressions: readonly T[] = [],
): FuzzTarget {
  const property = fc.property(input, (value) => {
    const before = prototypes();
    if (timed(() => check(value)) > LONGEST_MS) {
      const best = Math.min(...[1, 2, 3].map(() => timed(() => check(value))));
      if (best > LONGEST_MS) throw new Error(`takes ${Math.round(best)} ms`);
    }
    if (prototypes() !== before) throw new Error('changes what all objects inherit');
  });
  return { name, run: async (options) => fc.assert(property, parameters(options, regressions)) };
}

/** As `target`, for what reads files. How long that takes says nothing. */
export function fileTarget<T>(
  name: string,
  input: fc.Arbitrary<T>,
  check: (input: T) => Promise<void>,
  regressions: readonly T[] = [],
): FuzzTarget {
  const property = fc.asyncProperty(input, async (value) => {
    const before = prototypes();
    await check(value);
    if (prototypes() !== before) throw new Error('changes what all objects inherit');
  });
  return { name, run: async (options) => fc.assert(property, parameters(options, regressions)) };
}

function parameters<T>({ seed, inputs, timeLimitMs }: RunOptions, regressions: readonly T[]): fc.Parameters<[T]> {
  const limit = timeLimitMs === undefined ? {} : { interruptAfterTimeLimit: timeLimitMs };
  const examples = regressions.map((each): [T] => [each]);
  return { seed, numRuns: inputs, includeErrorInReport: true, examples, ...limit };
}

function timed(run: () => void): number {
  const started = performance.now();
  run();
  return performance.now() - started;
}

function prototypes(): string {
  return [Object, Array, String, Number, Function, Map, Set]
    .map(({ prototype }) => Reflect.ownKeys(prototype).map(String).join())
    .join(';');
}

/** Throws unless the two are the same. */
export function same(what: string, one: unknown, other: unknown): void {
  if (one !== other) throw new Error(`${what}: ${String(one)} and ${String(other)}`);
}

/** What came of a call that may fail in one documented way; any other error goes on. */
export function outcome<T>(
  call: () => T,
  isExpected: (error: unknown) => boolean,
): { readonly value: T } | { readonly error: string } {
  try {
    return { value: call() };
  } catch (error) {
    if (!isExpected(error)) throw error;
    return { error: error instanceof Error ? error.message : String(error) };
  }
}
