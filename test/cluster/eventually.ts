import { setTimeout as delay } from 'node:timers/promises';
import { stringify } from 'yaml';
import { AdminError } from './admin-error.ts';

/**
 * How long tests wait for what must come, in milliseconds: how long it takes on a machine that does other things too is
 * no part of what most of them show. Longer than counts in a status may be late.
 */
export const PATIENCE_MS = 240_000;

export interface WaitOptions {
  /** Default: `PATIENCE_MS`. */
  readonly timeoutMs?: number;
  /** Time between two looks. Default 25 ms. */
  readonly intervalMs?: number;
}

/**
 * Reads again and again until the value is as wanted. Answers and failures that time may mend are waited out.
 * @throws Error that shows the last value as YAML when time is up, and at once what no time can mend
 */
export async function eventually<T>(
  what: string,
  read: () => Promise<T>,
  wanted: (value: T) => boolean,
  options: WaitOptions = {},
): Promise<T> {
  const { timeoutMs = PATIENCE_MS, intervalMs = 25 } = options;
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const seen = await look(read);
    if (seen.kind === 'value' && wanted(seen.value)) return seen.value;
    if (performance.now() > deadline) {
      const last = seen.kind === 'value' ? stringify(seen.value) : seen.error.message;
      throw new Error(`${what} was not as wanted within ${timeoutMs} ms. It was last:\n${last}`);
    }
    await delay(intervalMs);
  }
}

type Seen<T> = { readonly kind: 'value'; readonly value: T } | { readonly kind: 'failure'; readonly error: Error };

async function look<T>(read: () => Promise<T>): Promise<Seen<T>> {
  try {
    return { kind: 'value', value: await read() };
  } catch (error) {
    if (mayPass(error)) return { kind: 'failure', error };
    throw error;
  }
}

/** Not there yet, overloaded, or no connection. */
function mayPass(error: unknown): error is Error {
  if (error instanceof AdminError) return error.status === 404 || error.status === 429 || error.status >= 500;
  return error instanceof Error && 'code' in error && String(error.code).startsWith('ECONN');
}
