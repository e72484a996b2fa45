import { describe, expect, test } from 'vitest';
import { cachedObject } from '../../test/support/cached-object.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { type CachedObject, NO_KEYS, OWN_KEYS, type StringMap } from '../api/object.ts';
import { silentLog } from '../base/log.ts';
import type { WriteOutcome } from '../controller/writer.ts';
import { ApiError } from '../kube/errors.ts';
import { recordText, withRecord } from '../kube/own-record.ts';
import { keyProtection } from '../policy/key-protection.ts';
import type { KindContext } from '../policy/program.ts';
import { Cleanup, type CleanupOptions } from './cleanup.ts';
import { ObjectWriter } from './object-writer.ts';
import { nextWrite } from './plan-write.ts';

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
    protection: keyProtection([]),
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
      differs: (object, desired) => nextWrite(object, desired) !== undefined,
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

  test('an object that is gone, as a list says too, is clean', async () => {
    const { result, writes } = await clean({
      pages: [[carrying('a')]],
      answer: () => ({ kind: 'Gone' }),
      again: () => [],
    });
    expect(writes).toEqual(['a']);
    expect(result).toMatchObject({ cleaned: 1, problem: undefined });
  });

  test('an object that is gone by the word of one server is tried again', async () => {
    const gone: WriteOutcome = { kind: 'Gone' };
    const late = await clean({
      pages: [[carrying('a')]],
      answer: (object, attempt) => (attempt === 1 ? gone : { kind: 'Written', answer: cleanOf(object) }),
    });
    expect([late.writes, late.result.cleaned]).toEqual([['a', 'a'], 1]);
    const never = await clean({ pages: [[carrying('a')]], answer: () => gone });
    const problem = 'n/a: the API server that takes writes knows no such object';
    expect(never.result).toMatchObject({ cleaned: 0, problem });
  });

  test.each<[string, WriteOutcome, string]>([
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
    expect(result).toMatchObject({ cleaned: 0, problem });
  });

  test('a kind that cannot be listed is told, and nothing of it is written', async () => {
    const error = new ApiError({ code: 'Forbidden', status: 403, reason: '', message: 'not for you' });
    const { result, writes } = await clean({ pages: [[carrying('a')], error] });
    expect(writes).toEqual([]);
    expect(result.problem).toBe('its objects could not be listed: not for you');
  });
});

const PSA = 'pod-security.kubernetes.io/enforce';
const HASH = 'pod-template-hash';
const values = (labels: StringMap) => ({ labels, annotations: {} });
const recorded = (text: string | undefined, fields: Partial<CachedObject>): CachedObject =>
  withRecord(cachedObject({ namespace: 'n', name: 'a', ...fields, annotations: { [OWN_KEYS]: text ?? '' } }));

/** Writes one object as the server would; `drifted`: it does not fit its schema, so that nothing can be applied to it. */
function server(first: CachedObject, { drifted = false } = {}) {
  let now = first;
  const steps: string[] = [];
  const refusal = new ApiError({
    code: 'ServerError',
    status: 500,
    reason: '',
    message: 'failed to create typed live object (n/a)',
  });
  const writer = new ObjectWriter(
    {
      apply: async (_kind, _object, { fieldManager, keys, guarded }) => {
        steps.push(`${fieldManager} ${[...keys.labels.keys()].join(' ')}${guarded ? ' guarded' : ''}`);
        if (drifted) throw refusal;
        const side = fieldManager === 'watchkeeper' ? 'applied' : 'retained';
        const owned = (now.record?.byApply ?? now)[side].labels;
        const labels = Object.entries(now.labels).filter(([key]) => !owned.includes(key) || keys.labels.has(key));
        const own = { labels: [...keys.labels.keys()], annotations: [] };
        now = again({ labels: Object.fromEntries([...labels, ...keys.labels]), [side]: own });
        return now;
      },
      rewrite: async (_kind, _object, { labels, annotations }) => {
        steps.push(`rewrite ${JSON.stringify(labels)}`);
        const left = Object.entries({ ...now.labels, ...labels }).filter(([, value]) => value !== null);
        // All of managedFields is dropped.
        const owned = drifted ? { applied: NO_KEYS, retained: NO_KEYS } : {};
        now = again({ ...owned, labels: Object.fromEntries(left) as StringMap }, annotations[OWN_KEYS] ?? undefined);
        return now;
      },
      cleanUp: async () => now,
      mayPatch: async () => true,
    },
    silentLog,
  );
  const again = (
    fields: Partial<CachedObject>,
    text = now.record === undefined ? undefined : recordText(now.record.values),
  ): CachedObject => {
    const { record, ...rest } = now;
    const next = { ...rest, ...record?.byApply, ...fields, resourceVersion: `${now.resourceVersion}+` };
    return text === undefined ? next : withRecord({ ...next, annotations: { ...next.annotations, [OWN_KEYS]: text } });
  };
  return { writer, steps, labels: () => now.labels, record: () => now.record?.values };
}

describe('protected keys, which anybody can claim for us', () => {
  const claimed = cachedObject({
    namespace: 'n',
    name: 'a',
    labels: { team: 'a', [PSA]: 'restricted', [HASH]: '1', mine: 'b' },
    applied: { labels: [HASH, PSA, 'team'], annotations: [] },
  });

  test('stay, and what goes beside them goes from the object as it was looked at alone', async () => {
    const { writer, steps, labels } = server(claimed);
    const { result } = await clean({ pages: [[claimed]], writer });
    expect(steps).toEqual([`watchkeeper ${HASH} ${PSA} guarded`]);
    expect(labels()).toEqual({ [PSA]: 'restricted', [HASH]: '1', mine: 'b' });
    expect(result).toMatchObject({ found: 1, cleaned: 1, labels: 1, protected: 2, problem: undefined });
  });

  test('go where they are allowed, but for those that are never written', async () => {
    const { writer, labels } = server(claimed);
    const protection = keyProtection(['pod-security.kubernetes.io/*', HASH]);
    const { result } = await clean({ pages: [[claimed]], writer, protection });
    expect(labels()).toEqual({ [HASH]: '1', mine: 'b' });
    expect(result).toMatchObject({ found: 1, cleaned: 1, labels: 2, protected: 1 });
  });

  test.each([false, true])('alone have nothing written, and are told of (--retained: %s)', async (retained) => {
    const keys = { labels: [PSA], annotations: [] };
    const both = cachedObject({ name: 'a', labels: { [PSA]: 'restricted' }, applied: keys, retained: keys });
    const { writer, steps } = server(both);
    const { result } = await clean({ pages: [[both]], writer, retained });
    expect(steps).toEqual([]);
    expect(result).toMatchObject({ found: 0, labels: 0, retained: 0, protected: 1, problem: undefined });
  });

  test('that came after the object was looked at stay: the write holds for that version only', async () => {
    const { writer, steps } = server(carrying('a'));
    await clean({ pages: [[carrying('a')]], writer });
    expect(steps).toEqual(['watchkeeper  guarded']);
  });

  describe.each([false, true])('on record (on an object that does not fit its schema: %s)', (drifted) => {
    test('alone have nothing written', async () => {
      const text = recordText({ applied: values({ [PSA]: 'restricted' }), retained: values({ [HASH]: '1' }) });
      const object = recorded(text, { labels: { [PSA]: 'restricted', [HASH]: '1' } });
      const { writer, steps } = server(object, { drifted });
      const { result } = await clean({ pages: [[object]], writer });
      expect(steps).toEqual([]);
      expect(result).toMatchObject({ found: 0, protected: 2, problem: undefined });
    });

    test('stay on it when others go', async () => {
      const text = recordText({ applied: values({ [PSA]: 'restricted', team: 'a' }), retained: values({}) });
      const object = recorded(text, { labels: { [PSA]: 'restricted', team: 'a' } });
      const { writer, steps, labels, record } = server(object, { drifted });
      const { result } = await clean({ pages: [[object]], writer });
      expect(steps).toEqual(['rewrite {"team":null}']);
      expect(labels()).toEqual({ [PSA]: 'restricted' });
      expect(record()).toEqual({ applied: values({ [PSA]: 'restricted' }), retained: values({}) });
      expect(result).toMatchObject({ found: 1, cleaned: 1, labels: 1, protected: 1, problem: undefined });
    });

    test('stay when others are applied', async () => {
      const text = recordText({ applied: values({ [PSA]: 'restricted' }), retained: values({}) });
      const object = recorded(text, {
        labels: { [PSA]: 'restricted', team: 'a' },
        applied: { labels: ['team'], annotations: [] },
      });
      const { writer, labels, record } = server(object, { drifted });
      const { result } = await clean({ pages: [[object]], writer });
      expect(labels()).toEqual({ [PSA]: 'restricted' });
      expect(record()?.applied).toEqual(values({ [PSA]: 'restricted' }));
      expect(result).toMatchObject({ found: 1, cleaned: 1, labels: 1, protected: 1, problem: undefined });
    });

    test('keys that are to be retained stay just so, and no write is tried for them', async () => {
      const text = recordText({ applied: values({}), retained: values({ kept: 'k' }) });
      const object = recorded(text, { labels: { kept: 'k' } });
      const { writer, steps } = server(object, { drifted });
      expect((await clean({ pages: [[object]], writer })).result).toMatchObject({ found: 0, retained: 1 });
      expect(steps).toEqual([]);
    });
  });

  test('of which the value is not kept are left, with all else on the object, and that is told', async () => {
    const annotations = ['kubectl.kubernetes.io/last-applied-configuration'];
    const object = { ...carrying('a'), applied: { labels: ['team'], annotations } };
    const { writer, steps } = server(object);
    const { result } = await clean({ pages: [[object]], writer });
    expect(steps).toEqual([]);
    expect(result.problem).toBe(
      "n/a: its managedFields say that its annotation 'kubectl.kubernetes.io/last-applied-configuration' is ours, and each apply would remove it",
    );
  });
});
