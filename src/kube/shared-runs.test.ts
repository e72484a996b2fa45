import { describe, expect, test } from 'vitest';
import { SharedRuns } from './shared-runs.ts';

/** Work whose every run waits for the test to end it. */
function setUp() {
  const runs: Array<PromiseWithResolvers<string> & { readonly signal: AbortSignal }> = [];
  const shared = new SharedRuns<string>((signal) => {
    const run = Promise.withResolvers<string>();
    runs.push({ ...run, signal });
    return run.promise;
  });
  return { runs, shared, join: (controller = new AbortController()) => shared.join(controller.signal) };
}

describe('SharedRuns', () => {
  test('a caller who comes alone gets a run at once', async () => {
    const { runs, join } = setUp();
    const outcome = join();
    runs[0]?.resolve('first');
    expect(await outcome).toBe('first');
  });

  test('all who come while a run is on share the next one', async () => {
    const { runs, join } = setUp();
    const first = join();
    const later = [join(), join(), join()];
    expect(runs).toHaveLength(1);
    runs[0]?.resolve('first');
    expect(await first).toBe('first');
    expect(runs).toHaveLength(2);
    runs[1]?.resolve('second');
    expect(await Promise.all(later)).toEqual(['second', 'second', 'second']);
    expect(runs).toHaveLength(2);
  });

  test('a run that fails fails for its own callers only', async () => {
    const { runs, join } = setUp();
    const first = join();
    const second = join();
    runs[0]?.reject(new Error('no'));
    await expect(first).rejects.toThrow('no');
    runs[1]?.resolve('yes');
    expect(await second).toBe('yes');
  });

  test('a caller who gives up leaves at once, and the run goes on for the others', async () => {
    const { runs, join } = setUp();
    const hurried = new AbortController();
    const first = join();
    const impatient = join(hurried);
    const patient = join();
    hurried.abort();
    await expect(impatient).rejects.toMatchObject({ code: 'Aborted' });
    runs[0]?.resolve('first');
    await first;
    expect(runs[1]?.signal.aborted).toBe(false);
    runs[1]?.resolve('second');
    expect(await patient).toBe('second');
  });

  test('a run that nobody waits for any more is stopped, and a waiting one never begins', async () => {
    const { runs, join } = setUp();
    const controller = new AbortController();
    const both = [join(controller), join(controller)];
    controller.abort();
    for (const outcome of both) await expect(outcome).rejects.toMatchObject({ code: 'Aborted' });
    expect(runs[0]?.signal.aborted).toBe(true);
    // Who comes now must not be given to one of the abandoned runs.
    const fresh = join();
    runs[0]?.reject(new Error('stopped'));
    await expect.poll(() => runs.length).toBe(2);
    runs[1]?.resolve('fresh');
    expect(await fresh).toBe('fresh');
  });

  test('who has given up before asking starts nothing', async () => {
    const { runs, shared } = setUp();
    await expect(shared.join(AbortSignal.abort())).rejects.toMatchObject({ code: 'Aborted' });
    expect(runs).toHaveLength(0);
  });
});
