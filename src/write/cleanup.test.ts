import { describe, expect, test } from 'vitest';
import { cachedObject } from '../../test/support/cached-object.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';
import type { CachedObject } from '../api/object.ts';
import type { WriteOutcome } from '../controller/writer.ts';
import { ApiError } from '../kube/errors.ts';
import type { KindContext } from '../policy/program.ts';
import { Cleanup, type CleanupOptions } from './cleanup.ts';
import { nextApply } from './plan-apply.ts';

const kind: KindContext = { group: '', version: 'v1', resource: 'configmaps', kind: 'ConfigMap', scope: 'Namespaced' };

const carrying = (name: string) =>
  cachedObject({
    namespace: 'n',
    name,
    resourceVersion: '1',
    labels: { team: 'a', mine: 'b' },
    applied: { labels: ['team'], annotations: [] },
  });
const cleanOf = (object: CachedObject): CachedObject => ({
  ...object,
  resourceVersion: '2',
  labels: { mine: 'b' },
  applied: { labels: [], annotations: [] },
});
const bare = (name: string) => cachedObject({ namespace: 'n', name });

interface Script extends Partial<CleanupOptions> {
  readonly pages: readonly (readonly CachedObject[] | ApiError)[];
  readonly answer?: (object: CachedObject, attempt: number) => WriteOutcome;
  /** What a list of one object by its name brings, each time that it is asked for; else the object as it was listed. */
  readonly again?: (name: string, attempt: number) => readonly CachedObject[] | ApiError;
}

/** What came of it, and the names of the objects in the order in which they were written. */
async function clean({ pages, answer, again, ...options }: Script) {
  const clock = new ManualClock();
  const writes: string[] = [];
  const reads: string[] = [];
  const listed = pages.flatMap((page) => (page instanceof ApiError ? [] : page));
  const abort = new AbortController();
  const cleaner = new Cleanup({
    clock,
    signal: abort.signal,
    dryRun: false,
    retained: false,
    width: 2,
    observe: { listed: () => {}, handled: () => {} },
    lister: (_kind, only) => ({
      list: async ({ continue: token, limit }) => {
        if (only !== undefined) {
          reads.push(`${only.namespace}/${only.name} of ${limit}`);
          const items = again?.(only.name, reads.length) ?? listed.filter(({ name }) => name === only.name);
          if (items instanceof ApiError) throw items;
          return { items, resourceVersion: '9', continue: '', bytes: 0 };
        }
        const place = Number(token ?? 0);
        const page = pages[place] ?? [];
        if (page instanceof ApiError) throw page;
        return {
          items: page,
          resourceVersion: '9',
          continue: place + 1 < pages.length ? String(place + 1) : '',
          bytes: 0,
        };
      },
    }),
    writer: {
      differs: (object, desired) => nextApply(object, desired) !== undefined,
      write: async (_kind, object) => {
        writes.push(object.name);
        const attempt = writes.filter((name) => name === object.name).length;
        return answer?.(object, attempt) ?? { kind: 'Written', answer: cleanOf(object) };
      },
    },
    ...options,
  });
  const cleaning = cleaner.clean(kind);
  // Longer than all waits of all tries together.
  for (let passed = 0; passed < 60; passed++) await clock.advance(1_000);
  return { result: await cleaning, writes, reads };
}

describe('a cleanup of one kind', () => {
  test('looks at every page and writes only what carries keys of ours', async () => {
    const { result, writes } = await clean({
      pages: [
        [carrying('a'), bare('b')],
        [bare('c'), carrying('d')],
      ],
    });
    expect(writes).toEqual(['a', 'd']);
    expect(result).toMatchObject({ objects: 4, found: 2, cleaned: 2, labels: 2, annotations: 0, problem: undefined });
  });

  test('writes nothing in a dry run, and counts all the same', async () => {
    const { result, writes } = await clean({ pages: [[carrying('a')]], dryRun: true });
    expect(writes).toEqual([]);
    expect(result).toMatchObject({ found: 1, cleaned: 0, labels: 1 });
  });

  test('what is retained stays, unless it is asked for', async () => {
    const kept = cachedObject({ name: 'k', labels: { a: '1' }, retained: { labels: ['a'], annotations: [] } });
    expect((await clean({ pages: [[kept]] })).result).toMatchObject({ found: 0, retained: 1 });
    const asked = await clean({
      pages: [[kept]],
      retained: true,
      answer: (object) => ({
        kind: 'Written',
        answer: { ...object, resourceVersion: '5', labels: {}, retained: { labels: [], annotations: [] } },
      }),
    });
    expect(asked.result).toMatchObject({ found: 1, cleaned: 1, labels: 1, retained: 0 });
  });

  test.each<[string, WriteOutcome]>([
    ['a server that asks to wait', { kind: 'Overloaded', afterMs: 3_000, message: 'too many' }],
    ['a lost answer', { kind: 'Unknown', message: 'cut' }],
    ['a server that lost against other writers', { kind: 'Stale' }],
  ])('%s is tried again', async (_what, outcome) => {
    const { result, writes } = await clean({
      pages: [[carrying('a')]],
      answer: (object, attempt) => (attempt === 1 ? outcome : { kind: 'Written', answer: cleanOf(object) }),
    });
    expect(writes).toEqual(['a', 'a']);
    expect(result).toMatchObject({ cleaned: 1, problem: undefined });
  });

  describe('an object that has changed since it was listed', () => {
    /** Takes a write only of the object as it is now. */
    const atVersion = (version: string) => (object: CachedObject) =>
      object.resourceVersion === version
        ? ({ kind: 'Written', answer: cleanOf({ ...object, resourceVersion: '' }) } as const)
        : ({ kind: 'Stale' } as const);
    const changed = { ...carrying('a'), resourceVersion: '7' };
    const refused = new ApiError({ code: 'Unavailable', status: 503, reason: '', message: 'not now' });

    test('is read again, itself alone, and written as it is now', async () => {
      const { result, writes, reads } = await clean({
        pages: [[carrying('a'), carrying('b')]],
        answer: (object) => (object.name === 'a' ? atVersion('7')(object) : atVersion('1')(object)),
        again: () => [changed],
      });
      expect([writes, reads]).toEqual([['a', 'b', 'a'], ['n/a of 1']]);
      expect(result).toMatchObject({ found: 2, cleaned: 2, problem: undefined });
    });

    test.each<[string, readonly CachedObject[]]>([
      ['is gone', []],
      ['is another one of that name by now', [{ ...changed, uid: 'another' }]],
      ['carries nothing of ours any more', [cleanOf(changed)]],
    ])('is done when it %s', async (_, items) => {
      const { result, writes } = await clean({
        pages: [[carrying('a')]],
        answer: () => ({ kind: 'Stale' }),
        again: () => items,
      });
      expect(writes).toEqual(['a']);
      expect(result).toMatchObject({ cleaned: 1, problem: undefined });
    });

    test('is not written before it could be read again', async () => {
      const { result, writes, reads } = await clean({
        pages: [[carrying('a')]],
        answer: atVersion('7'),
        again: (_, attempt) => (attempt < 3 ? refused : [changed]),
      });
      expect([writes.length, reads.length]).toEqual([2, 3]);
      expect(result).toMatchObject({ cleaned: 1, problem: undefined });
    });

    test.each<[string, readonly CachedObject[] | ApiError, string]>([
      ['that cannot be read again is told', refused, 'n/a: it could not be read again: not now'],
      [
        'is not taken for gone where the server heeds no name',
        [carrying('b')],
        'n/a: it could not be read again: the API server sent another object',
      ],
      ['time and again is told', [changed], 'n/a: it is changed all the time'],
    ])('%s', async (_, items, problem) => {
      const { result, reads } = await clean({
        pages: [[carrying('a')]],
        answer: atVersion('never'),
        again: () => items,
      });
      expect(reads.length).toBeLessThan(10);
      expect(result).toMatchObject({ found: 1, cleaned: 0, problem });
    });
  });

  test('what never succeeds ends, with the reason, and does not keep others from being cleaned', async () => {
    const { result, writes } = await clean({
      pages: [[carrying('a'), carrying('b')]],
      answer: (object) =>
        object.name === 'a' ? { kind: 'Unknown', message: 'no answer' } : { kind: 'Written', answer: cleanOf(object) },
    });
    expect(writes.filter((name) => name === 'a').length).toBeLessThan(10);
    expect(result).toMatchObject({ found: 2, cleaned: 1, problem: 'n/a: no answer' });
  });

  test.each<[string, WriteOutcome, string | undefined]>([
    ['an object that is gone is clean', { kind: 'Gone' }, undefined],
    ['a refusal is told', { kind: 'Refused', code: 'RefusedByServer', message: 'no' }, 'n/a: no'],
    ['a missing right is told', { kind: 'MissingRight', message: 'grant it' }, 'n/a: grant it'],
    [
      'a write without effect is told',
      { kind: 'Written', answer: carrying('a') },
      'n/a: the API server took the write, but it changed nothing',
    ],
  ])('%s', async (_what, outcome, problem) => {
    const { result, writes } = await clean({ pages: [[carrying('a')]], answer: () => outcome });
    expect(writes).toEqual(['a']);
    expect(result).toMatchObject({ cleaned: problem === undefined ? 1 : 0, problem });
  });

  test('a kind that cannot be listed is told, and nothing of it is written', async () => {
    const error = new ApiError({ code: 'Forbidden', status: 403, reason: '', message: 'not for you' });
    const { result, writes } = await clean({ pages: [[carrying('a')], error] });
    expect(writes).toEqual([]);
    expect(result.problem).toBe('its objects could not be listed: not for you');
  });
});
