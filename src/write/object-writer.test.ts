import { describe, expect, test, vi } from 'vitest';
import { cachedObject } from '../../test/support/cached-object.ts';
import { CONFIG_MAPS } from '../../test/support/compiled-policy.ts';
import { BOUNDS } from '../api/bounds.ts';
import { type CachedObject, NO_KEYS } from '../api/object.ts';
import { type Log, silentLog } from '../base/log.ts';
import { ApiError, type ApiErrorFields } from '../kube/errors.ts';
import { withoutValues } from '../kube/without-values.ts';
import type { Desired } from '../policy/desired.ts';
import { NO_WINNERS } from '../policy/winners.ts';
import { ObjectWriter, type WriteRequests } from './object-writer.ts';
import type { WriteReport } from './write-report.ts';

const NOTHING = { labels: new Map<string, string>(), annotations: new Map<string, string>(), fromPicture: false };
const TEAM: Desired = { applied: { ...NOTHING, labels: new Map([['team', 'a']]) }, retained: NOTHING };

const object = cachedObject({ name: 'x', namespace: 'shop', resourceVersion: '5' });
const done = cachedObject({
  name: 'x',
  namespace: 'shop',
  resourceVersion: '6',
  labels: { team: 'a' },
  applied: { labels: ['team'], annotations: [] },
});

const error = (fields: Partial<ApiErrorFields>) =>
  new ApiError({ code: 'Other', status: 0, reason: '', message: 'the words of the server', ...fields });
const forbidden = error({ code: 'Forbidden', status: 403, message: 'forbidden: spec.a: Invalid value: "hunter2": no' });

/** A writer whose applies end so, and what was asked of the server. */
function writerOf(
  apply: () => Promise<CachedObject>,
  mayPatch: () => Promise<boolean> = async () => true,
  log: Log = silentLog,
) {
  const requests = {
    apply: vi.fn<WriteRequests['apply']>(apply),
    cleanUp: vi.fn<WriteRequests['cleanUp']>(apply),
    rewrite: vi.fn<WriteRequests['rewrite']>(apply),
    mayPatch: vi.fn<WriteRequests['mayPatch']>(mayPatch),
  };
  return { requests, writer: new ObjectWriter(requests, log) };
}

const failing = (thrown: unknown) => () => Promise.reject(thrown);

test('an object that differs is written, and the answer handed back', async () => {
  const { requests, writer } = writerOf(async () => done);
  expect(writer.differs(object, TEAM)).toBe(true);
  expect(await writer.write(CONFIG_MAPS, object, TEAM)).toEqual({ kind: 'Written', answer: done });
  expect(requests.apply).toHaveBeenCalledExactlyOnceWith(CONFIG_MAPS, object, {
    fieldManager: 'watchkeeper',
    keys: { labels: new Map([['team', 'a']]), annotations: new Map() },
    guarded: false,
  });
});

test('an object that is as desired costs no request', async () => {
  const { requests, writer } = writerOf(async () => done);
  expect(writer.differs(done, TEAM)).toBe(false);
  expect(await writer.write(CONFIG_MAPS, done, TEAM)).toEqual({ kind: 'Written', answer: done });
  expect(requests.apply).not.toHaveBeenCalled();
});

test("somebody else's keys that must go are cleaned up first, and what is ours is applied after that", async () => {
  const cleanUp = { labels: new Set(['legacy']), annotations: new Set<string>(), fromPicture: true };
  const desired = { ...TEAM, cleanUp };
  const dirty = { ...object, labels: { legacy: 'x' } };
  const { requests, writer } = writerOf(async () => done);
  await writer.write(CONFIG_MAPS, dirty, desired);
  expect(requests.cleanUp).toHaveBeenCalledExactlyOnceWith(CONFIG_MAPS, dirty, cleanUp);
  expect(requests.apply).not.toHaveBeenCalled();
  await writer.write(CONFIG_MAPS, object, desired);
  expect(requests.apply).toHaveBeenCalledOnce();
  expect(writer.differs(done, desired)).toBe(false);
});

/** What is told of a write that ends so. */
const report = async (apply: () => Promise<CachedObject>) => {
  const reports: WriteReport[] = [];
  const requests = { apply, cleanUp: apply, rewrite: apply, mayPatch: async () => true };
  const writer = new ObjectWriter(requests, silentLog, (made) => reports.push(made));
  await writer.write(CONFIG_MAPS, object, {
    ...TEAM,
    applied: { ...NOTHING, annotations: new Map([['note', 'hunter2']]) },
  });
  return reports;
};

describe('the report of a write', () => {
  test('names keys and never values', async () => {
    const reports = await report(async () => done);
    expect(reports).toEqual([
      {
        kind: CONFIG_MAPS,
        object,
        winners: NO_WINNERS,
        fieldManager: 'watchkeeper',
        set: [{ channel: 'annotations', key: 'note', displaced: false }],
        removed: [],
        outcome: { kind: 'Written', answer: done },
      },
    ]);
    expect(JSON.stringify(reports)).not.toContain('hunter2');
  });

  test('comes for a refused one too', async () => {
    const refused = await report(failing(error({ code: 'Invalid', status: 422 })));
    expect(refused).toMatchObject([{ outcome: { kind: 'Refused', code: 'RefusedByServer' } }]);
  });

  test('does not come where no request was made', async () => {
    const observe = vi.fn<(made: WriteReport) => void>();
    const answer = async () => done;
    const requests = { apply: answer, cleanUp: answer, rewrite: answer, mayPatch: async () => true };
    await new ObjectWriter(requests, silentLog, observe).write(CONFIG_MAPS, done, TEAM);
    expect(observe).not.toHaveBeenCalled();
  });
});

describe('outcomes', () => {
  test.each<[string, unknown, object]>([
    ['gone', error({ code: 'NotFound', status: 404 }), { kind: 'Gone' }],
    ['old picture', error({ code: 'Conflict', status: 409 }), { kind: 'Stale' }],
    [
      'overload',
      error({ code: 'TooManyRequests', status: 429, retryAfterMs: 3_000 }),
      { kind: 'Overloaded', afterMs: 3_000, message: 'the API server asks to wait: the words of the server' },
    ],
    ['unknown', error({ code: 'Network' }), { kind: 'Unknown', message: 'the words of the server' }],
    ['something that is no answer', new TypeError('a bug'), { kind: 'Unknown', message: 'a bug' }],
    [
      'refused',
      error({ code: 'Invalid', status: 422, message: 'a: Invalid value: "hunter2": no' }),
      {
        kind: 'Refused',
        code: 'RefusedByServer',
        message: 'the API server refused the write: a: Invalid value: (not shown): no',
      },
    ],
    [
      'a schema that changed',
      error({
        code: 'ServerError',
        status: 500,
        message: 'failed to create typed live object: .a: expected list, got hunter2',
      }),
      {
        kind: 'Refused',
        code: 'SchemaDrift',
        message:
          'the API server refused the write: failed to create typed live object: .a: expected list, got (not shown)',
      },
    ],
  ])('%s', async (_, thrown, outcome) => {
    const { requests, writer } = writerOf(failing(thrown));
    expect(await writer.write(CONFIG_MAPS, object, TEAM)).toEqual(outcome);
    expect(requests.mayPatch).not.toHaveBeenCalled();
  });

  test('a refusal is no longer than status takes', async () => {
    const { writer } = writerOf(failing(error({ code: 'Invalid', status: 422, message: 'x'.repeat(10_000) })));
    const outcome = await writer.write(CONFIG_MAPS, object, TEAM);
    expect(outcome.kind === 'Refused' && outcome.message.length).toBe(BOUNDS.statusMessage);
  });
});

describe('403', () => {
  test('is a missing right when the review says so, and names the rule to grant', async () => {
    const { requests, writer } = writerOf(failing(forbidden), async () => false);
    expect(await writer.write({ ...CONFIG_MAPS, group: 'apps', resource: 'deployments' }, object, TEAM)).toEqual({
      kind: 'MissingRight',
      message: 'grant the operator\'s ServiceAccount apiGroups: ["apps"], resources: ["deployments"], verbs: ["patch"]',
    });
    expect(requests.mayPatch).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({ resource: 'deployments' }),
      'shop',
    );
  });

  test('is a refusal when the review says that we may', async () => {
    const { writer } = writerOf(failing(forbidden), async () => true);
    expect(await writer.write(CONFIG_MAPS, object, TEAM)).toEqual({
      kind: 'Refused',
      code: 'RefusedByServer',
      message: 'the API server refused the write: forbidden: spec.a: Invalid value: (not shown): no',
    });
  });

  test("shows nothing of an annotation that reads like the server's words about a value", async () => {
    const note = 'hunter2, got "hunter2"';
    const rawMessage = `admission webhook "x" denied the request: ${note} is weak`;
    const message = withoutValues(rawMessage);
    expect(message).toContain('hunter2');
    const { writer } = writerOf(
      failing(error({ code: 'Forbidden', status: 403, message, rawMessage })),
      async () => true,
    );
    const annotated = cachedObject({ ...object, annotations: { note } });
    expect(await writer.write(CONFIG_MAPS, annotated, TEAM)).toMatchObject({
      message: 'the API server refused the write: admission webhook "x" denied the request: (not shown)',
    });
  });

  test('is nothing certain when the review cannot be made', async () => {
    const reviews = [
      failing(error({ code: 'Network' })),
      () => {
        throw new TypeError('a bug');
      },
    ];
    for (const mayPatch of reviews) {
      const { writer } = writerOf(failing(forbidden), mayPatch);
      expect(await writer.write(CONFIG_MAPS, object, TEAM)).toMatchObject({ kind: 'Unknown' });
    }
  });

  test('many at once in one namespace share one review', async () => {
    const review = Promise.withResolvers<boolean>();
    const { requests, writer } = writerOf(failing(forbidden), () => review.promise);
    const writes = [1, 2, 3].map(() => writer.write(CONFIG_MAPS, object, TEAM));
    const elsewhere = writer.write(CONFIG_MAPS, { ...object, namespace: 'other' }, TEAM);
    await expect.poll(() => requests.mayPatch).toHaveBeenCalledTimes(2);
    review.resolve(false);
    const outcomes = await Promise.all([...writes, elsewhere]);
    expect(outcomes.map(({ kind }) => kind)).toEqual(['MissingRight', 'MissingRight', 'MissingRight', 'MissingRight']);
    expect(requests.mayPatch.mock.calls.map(([, namespace]) => namespace)).toEqual(['shop', 'other']);
  });

  test('a review answers for its own time only', async () => {
    const answers = [false, true];
    const { requests, writer } = writerOf(failing(forbidden), async () => answers.shift() ?? true);
    expect(await writer.write(CONFIG_MAPS, object, TEAM)).toMatchObject({ kind: 'MissingRight' });
    expect(await writer.write(CONFIG_MAPS, object, TEAM)).toMatchObject({ kind: 'Refused' });
    expect(requests.mayPatch).toHaveBeenCalledTimes(2);
  });

  test('a review that failed is made again', async () => {
    let attempts = 0;
    const { writer } = writerOf(failing(forbidden), async () => {
      attempts += 1;
      if (attempts === 1) throw error({ code: 'Network' });
      return false;
    });
    expect(await writer.write(CONFIG_MAPS, object, TEAM)).toMatchObject({ kind: 'Unknown' });
    expect(await writer.write(CONFIG_MAPS, object, TEAM)).toMatchObject({ kind: 'MissingRight' });
  });
});

describe('an object that does not fit its schema', () => {
  const drift = error({ code: 'ServerError', status: 500, message: 'failed to create typed live object (shop/x)' });
  const refusal = { kind: 'Refused', code: 'SchemaDrift' };

  function drifted(rewrite: () => Promise<CachedObject> = async () => done) {
    const reports: WriteReport[] = [];
    const requests = {
      ...writerOf(failing(drift)).requests,
      rewrite: vi.fn<WriteRequests['rewrite']>(rewrite),
    };
    return { requests, reports, writer: new ObjectWriter(requests, silentLog, (made) => reports.push(made)) };
  }

  test('gets its keys by a merge patch, which is told of as a write of its own, and is refused all the same', async () => {
    // What apply owned is nobody's any more.
    const { requests, reports, writer } = drifted(async () => ({ ...done, applied: NO_KEYS }));
    expect(await writer.write(CONFIG_MAPS, object, TEAM)).toMatchObject(refusal);
    expect(requests.rewrite).toHaveBeenCalledExactlyOnceWith(CONFIG_MAPS, object, {
      labels: { team: 'a' },
      annotations: { 'watchkeeper.dev/own-keys': expect.stringContaining('"team":"a"') },
    });
    expect(reports.map(({ outcome, set }) => [outcome.kind, set.map(({ key }) => key)])).toEqual([
      ['Refused', ['team']],
      ['Written', ['team']],
    ]);
  });

  test('is done when nothing is wanted and the last key of ours has gone', async () => {
    const bare = { ...done, labels: {}, applied: NO_KEYS };
    const { requests, writer } = drifted(async () => bare);
    expect(await writer.write(CONFIG_MAPS, done, { applied: NOTHING, retained: NOTHING })).toEqual({
      kind: 'Written',
      answer: bare,
    });
    expect(requests.rewrite).toHaveBeenCalledExactlyOnceWith(CONFIG_MAPS, done, {
      labels: { team: null },
      annotations: { 'watchkeeper.dev/own-keys': null },
    });
  });

  test('that has its keys is left alone', async () => {
    const { requests, writer } = drifted();
    expect(await writer.write(CONFIG_MAPS, { ...object, labels: { team: 'a' } }, TEAM)).toMatchObject(refusal);
    expect(requests.rewrite).not.toHaveBeenCalled();
  });

  test.each<[string, ApiError, object]>([
    ['has changed', error({ code: 'Conflict', status: 409 }), { kind: 'Stale' }],
    ['is gone', error({ code: 'NotFound', status: 404 }), { kind: 'Gone' }],
    ['is refused the patch too', error({ code: 'Invalid', status: 422 }), { kind: 'Refused', code: 'RefusedByServer' }],
  ])('and %s: the answer to the patch counts', async (_, thrown, outcome) => {
    const { writer } = drifted(failing(thrown));
    expect(await writer.write(CONFIG_MAPS, object, TEAM)).toMatchObject(outcome);
  });
});
