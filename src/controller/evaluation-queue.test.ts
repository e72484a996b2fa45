import { describe, expect, test } from 'vitest';
import { cachedObject } from '../../test/support/cached-object.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { Store } from '../informer/store.ts';
import { EvaluationQueue } from './evaluation-queue.ts';
import { type KeySource, Pass } from './pass.ts';

/** `costMs`: what an evaluation takes on the queue's own clock, in milliseconds. */
function setUp({ costMs = 0 } = {}) {
  const clock = new ManualClock();
  const evaluated: string[] = [];
  let spent = 0;
  let onEvaluate: ((name: string) => void) | undefined;
  const queue = new EvaluationQueue(
    (kind, key) => {
      spent += costMs;
      evaluated.push(`${kind}/${key}`);
      onEvaluate?.(`${kind}/${key}`);
    },
    { monotonic: () => spent },
  );
  const during = (what: (name: string) => void): void => {
    onEvaluate = what;
  };
  return { clock, queue, evaluated, during };
}

function source(keys: readonly string[], drawn: string[] = []): KeySource {
  const rest = [...keys];
  return {
    get left() {
      return rest.length;
    },
    draw: () => {
      const key = rest.shift();
      if (key !== undefined) drawn.push(key);
      return key;
    },
  };
}

describe('what is evaluated', () => {
  test('row 38: a key that is asked for often before its turn is evaluated once, and again when it is asked for after it', async () => {
    const { clock, queue, evaluated } = setUp();
    queue.add('pods', 'a');
    queue.add('pods', 'b');
    queue.add('pods', 'a');
    expect(queue.depth).toBe(2);
    expect(evaluated).toEqual([]);
    await clock.settle();
    expect(evaluated).toEqual(['pods/a', 'pods/b']);
    expect(queue.depth).toBe(0);
    queue.add('pods', 'a');
    await clock.settle();
    expect(evaluated).toEqual(['pods/a', 'pods/b', 'pods/a']);
  });

  test('row 38: a key that is asked for while it is evaluated is evaluated again', async () => {
    const { clock, queue, evaluated, during } = setUp();
    let times = 0;
    during(() => {
      if (times++ < 2) queue.add('pods', 'a');
    });
    queue.add('pods', 'a');
    await clock.settle();
    expect(evaluated).toEqual(['pods/a', 'pods/a', 'pods/a']);
  });

  test('kinds take turns, so that a large one does not make a small one wait', async () => {
    const { clock, queue, evaluated } = setUp();
    for (let i = 0; i < 100; i++) queue.add('pods', `p${i}`);
    queue.add('nodes', 'n0');
    queue.add('nodes', 'n1');
    queue.add('services', 's0');
    await clock.settle();
    expect(evaluated.slice(0, 6)).toEqual(['pods/p0', 'nodes/n0', 'services/s0', 'pods/p1', 'nodes/n1', 'pods/p2']);
    expect(evaluated).toHaveLength(103);
  });

  test('many keys at once are drawn as their turns come, after changes, and counted before they are', async () => {
    const { clock, queue, evaluated, during } = setUp();
    const drawn: string[] = [];
    queue.addAll('pods', source(['a', 'b', 'c', 'd'], drawn));
    queue.add('nodes', 'n');
    queue.add('pods', 'b', 'Change');
    expect([drawn, queue.depth]).toEqual([['a'], 6]);
    during((name) => {
      if (name === 'pods/a') queue.add('pods', 'c', 'Change');
    });
    await clock.settle();
    expect(evaluated).toEqual(['pods/b', 'pods/a', 'pods/c', 'nodes/n', 'pods/b', 'pods/c', 'pods/d']);
    expect([queue.depth, queue.has('pods')]).toEqual([0, false]);
  });

  test('a key that is evaluated before it is drawn is not drawn while that goes on, and the kind has none left after it', async () => {
    const { clock, queue, evaluated, during } = setUp();
    const store = new Store();
    store.replace(['a', 'b'].map((name) => cachedObject({ name })));
    const pass = new Pass(store);
    const left: boolean[] = [];
    during((name) => {
      pass.evaluated(name.slice('pods/'.length));
      left.push(queue.has('pods'));
    });
    for (const name of ['a', 'b']) queue.add('pods', `default/${name}`);
    queue.addAll('pods', pass);
    await clock.settle();
    expect([evaluated, left]).toEqual([
      ['pods/default/a', 'pods/default/b'],
      [true, false],
    ]);
    expect([pass.isDone, queue.has('pods'), queue.depth]).toEqual([true, false, 0]);
  });

  test('such keys take the place of those of the kind that were still to be drawn, and go with the kind', async () => {
    const { clock, queue, evaluated } = setUp();
    queue.addAll('pods', source(['a', 'b', 'c']));
    queue.addAll('pods', source(['x', 'y']));
    queue.addAll('nodes', source(['n', 'm']));
    queue.addAll('none', source([]));
    expect([queue.has('pods'), queue.has('nodes'), queue.has('none')]).toEqual([true, true, false]);
    queue.drop('nodes');
    await clock.settle();
    expect(evaluated).toEqual(['pods/a', 'pods/x', 'pods/y']);
  });

  test('a kind that is dropped has no key left, others go on', async () => {
    const { clock, queue, evaluated } = setUp();
    queue.add('pods', 'a');
    queue.add('pods', 'b');
    queue.add('nodes', 'n');
    expect(queue.has('pods')).toBe(true);
    queue.drop('pods');
    expect([queue.has('pods'), queue.has('nodes'), queue.depth]).toEqual([false, true, 1]);
    queue.drop('never-seen');
    await clock.settle();
    expect(evaluated).toEqual(['nodes/n']);
    queue.add('pods', 'c');
    await clock.settle();
    expect(evaluated).toEqual(['nodes/n', 'pods/c']);
  });

  test('`has` is false while the last key of a kind is evaluated', async () => {
    const { clock, queue, during } = setUp();
    const seen: boolean[] = [];
    during(() => seen.push(queue.has('pods')));
    queue.add('pods', 'a');
    queue.add('pods', 'b');
    await clock.settle();
    expect(seen).toEqual([true, false]);
  });
});

test('a key is handed out with the time at which it was first asked for, and the age is that of the oldest', async () => {
  const given: string[] = [];
  let now = 0;
  const queue = new EvaluationQueue((_kind, key, since) => given.push(`${key} ${since}`), { monotonic: () => now });
  expect(queue.ageMs).toBe(0);
  queue.add('pods', 'a');
  now = 10;
  queue.add('pods', 'a');
  queue.add('nodes', 'n');
  now = 15;
  expect(queue.ageMs).toBe(15);
  await new ManualClock().settle();
  expect(given).toEqual(['a 0', 'n 10']);
  expect(queue.ageMs).toBe(0);
});

describe('slices', () => {
  test('the event loop has its turn every 5 ms of evaluation, also within a round over many kinds', async () => {
    const { clock, queue, evaluated } = setUp({ costMs: 2 });
    for (let i = 0; i < 10; i++) queue.add(`kind-${i}`, 'a');
    const after: number[] = [];
    while (queue.depth > 0) {
      await clock.settle();
      after.push(evaluated.length);
    }
    expect(after).toEqual([3, 6, 9, 10]);
  });

  test('what evaluation itself asks for waits for its slice like everything else', async () => {
    const { clock, queue, evaluated, during } = setUp({ costMs: 5 });
    during((name) => {
      if (name === 'pods/a') for (const key of ['b', 'c']) queue.add('pods', key);
    });
    queue.add('pods', 'a');
    const after: number[] = [];
    for (let i = 0; i < 4; i++) {
      await clock.settle();
      after.push(evaluated.length);
    }
    expect(after).toEqual([1, 2, 3, 3]);
  });
});

describe('stop', () => {
  test('row 38: nothing is evaluated after it, and nothing can be added', async () => {
    const { clock, queue, evaluated } = setUp();
    queue.add('pods', 'a');
    queue.stop();
    queue.add('pods', 'b');
    expect(queue.depth).toBe(0);
    await clock.settle();
    expect(evaluated).toEqual([]);
  });

  test('it may come in the middle of a slice', async () => {
    const { clock, queue, evaluated, during } = setUp();
    during(() => queue.stop());
    queue.add('pods', 'a');
    queue.add('pods', 'b');
    queue.add('nodes', 'n');
    await clock.settle();
    expect(evaluated).toEqual(['pods/a']);
  });
});
