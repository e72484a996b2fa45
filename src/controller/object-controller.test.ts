import { describe, expect, test, vi } from 'vitest';
import { cachedObject } from '../../test/support/cached-object.ts';
import { CONFIG_MAPS, NAMESPACES, programOf } from '../../test/support/compiled-policy.ts';
import { ScriptedWriter, startInformer } from '../../test/support/kind-stage.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { QUIET_GUARD } from '../../test/support/quiet-guard.ts';
import { type CachedObject, objectKey } from '../api/object.ts';
import { type Log, silentLog } from '../base/log.ts';
import { keyProtection } from '../policy/key-protection.ts';
import type { KindContext, Program } from '../policy/program.ts';
import type { Verdict } from '../policy/verdict.ts';
import type { ContentionGuard } from './contention.ts';
import { ObjectController } from './object-controller.ts';
import type { VerdictSink } from './verdict-sink.ts';
import { WatchedKind } from './watched-kind.ts';
import type { WriteOutcome } from './writer.ts';

const SET = { name: 'env', set: { labels: [{ key: 'env', value: 'prod' }] } };
const REQUIRE = { name: 'team', require: { labels: [{ key: 'team' }] } };
const sets = programOf('sets', { rules: [SET] });
const requires = programOf('requires', { rules: [REQUIRE] });
const done = { env: 'prod' };
const labelled = (name: string, fields: Partial<CachedObject> = {}): CachedObject =>
  cachedObject({ name, labels: done, applied: { labels: ['env'], annotations: [] }, ...fields });

/** The last verdicts on each object. */
class Verdicts implements VerdictSink {
  readonly objects = new Map<string, readonly Verdict[]>();
  readonly forgottenKinds: string[] = [];
  records = 0;

  record(_kind: KindContext, object: CachedObject, _programs: readonly Program[], verdicts: readonly Verdict[]): void {
    this.records += 1;
    this.objects.set(objectKey(object), verdicts);
  }

  forget(_kind: string, key: string): void {
    this.objects.delete(key);
  }

  depart(_kind: string, key: string): undefined {
    this.objects.delete(key);
  }

  forgetKind(kind: string): void {
    this.forgottenKinds.push(kind);
  }

  codes(key: string): readonly string[] {
    return (this.objects.get(key) ?? []).flatMap(({ results }) => results.map(({ code }) => code));
  }
}

interface Options {
  readonly context?: KindContext;
  readonly objects?: readonly CachedObject[];
  readonly programs?: readonly Program[];
  readonly width?: number;
  readonly log?: Log;
  readonly guard?: ContentionGuard;
}

async function setUp({
  context = CONFIG_MAPS,
  objects = [],
  programs = [sets],
  width = 16,
  log = silentLog,
  guard = QUIET_GUARD,
}: Options = {}) {
  const clock = new ManualClock();
  const stage = await startInformer(objects);
  const writer = new ScriptedWriter();
  const verdicts = new Verdicts();
  const state = { ready: true, ledger: undefined as Error | undefined, ensured: 0 };
  const kind = new WatchedKind(context, stage.informer);
  kind.setPrograms(programs);
  const changes: string[] = [];
  let idle = 0;
  const outcomes: string[] = [];
  const caughtUp: number[] = [];
  const controller = new ObjectController({
    clock,
    log,
    random: () => 0,
    writer,
    record: {
      ensure: async () => {
        state.ensured += 1;
        if (state.ledger !== undefined) throw state.ledger;
      },
    },
    createGuard: () => guard,
    verdicts,
    namespaceOf: (name) => cachedObject({ name, namespace: '' }),
    held: () => new Map(),
    protection: keyProtection([]),
    ownNamespace: 'watchkeeper',
    isReady: () => state.ready,
    onKindChange: (of) => changes.push(problemOf(of)),
    handedOver: () => [],
    isKnown: () => true,
    onKindIdle: () => {
      idle += 1;
    },
    writeWidth: width,
    observe: {
      evaluated: () => {},
      wrote: (_kind, outcome) => outcomes.push(outcome),
      caughtUp: (_kind, seconds) => caughtUp.push(seconds),
    },
  });
  controller.add(kind);
  stage.informer.addHandler({
    change: (object, _previous, origin) =>
      controller.enqueue(kind, objectKey(object), origin === 'Change' ? 'Change' : 'Bulk'),
    remove: (object) => controller.enqueue(kind, objectKey(object)),
    synced: () => {},
  });
  const send = async (type: 'ADDED' | 'MODIFIED' | 'DELETED', object: CachedObject): Promise<void> => {
    stage.watch.send({ type, object });
    await quiet();
  };
  /** Until nothing goes on that waits for no timer and no answer. */
  const quiet = async (): Promise<void> => {
    for (let i = 0; i < 6; i++) await clock.settle();
  };
  await quiet();
  return {
    clock,
    stage,
    writer,
    verdicts,
    state,
    kind,
    controller,
    changes,
    idles: () => idle,
    outcomes,
    caughtUp,
    send,
    quiet,
  };
}

const missingRight: WriteOutcome = { kind: 'MissingRight', message: 'grant it' };
const GRANT =
  'Forbidden: grant the operator\'s ServiceAccount apiGroups: [""], resources: ["configmaps"], verbs: ["patch"]';

/** What keeps a kind's objects from being written; '' when nothing does. */
function problemOf(kind: WatchedKind, program?: Program): string {
  const problem = kind.writeProblem(program);
  return problem === undefined ? '' : `${problem.state}: ${problem.message}`;
}
const refused: WriteOutcome = { kind: 'Refused', code: 'RefusedByServer', message: 'no' };

describe('an object that differs from what is wanted', () => {
  test('is written once; the answer is the new picture, and nothing is left to do', async () => {
    const { writer, verdicts, controller, stage, outcomes } = await setUp({ objects: [cachedObject({ name: 'a' })] });
    expect(writer.writes).toEqual(['a']);
    expect(stage.informer.store.get('default/a')?.labels).toEqual(done);
    expect(verdicts.objects.get('default/a')).toEqual([{ matched: true, owned: true, pending: false, results: [] }]);
    expect([controller.writeDepth, controller.evaluationDepth, outcomes]).toEqual([0, 0, ['Written']]);
  });

  test('has caught up when its write is answered, counted from the change that asked for it through all tries', async () => {
    const { clock, writer, quiet, send, caughtUp, controller } = await setUp();
    writer.answer = async () => ({ kind: 'Unknown', message: 'no answer' });
    await send('ADDED', cachedObject({ name: 'a' }));
    await clock.advance(5);
    expect(caughtUp).toEqual([]);
    expect(controller.writeAgeMs).toBe(5);
    writer.answer = () => undefined;
    await clock.advance(1_000);
    await quiet();
    expect(caughtUp).toEqual([0.015]);
    expect(controller.writeAgeMs).toBe(0);
  });

  test('has caught up also when the event of its write comes before the answer', async () => {
    const { clock, writer, quiet, send, caughtUp } = await setUp();
    const { promise, resolve } = Promise.withResolvers<WriteOutcome>();
    writer.answer = () => promise;
    await send('ADDED', cachedObject({ name: 'a' }));
    await send('MODIFIED', labelled('a'));
    await clock.advance(20);
    resolve({ kind: 'Written', answer: { ...labelled('a'), resourceVersion: '99' } });
    await quiet();
    expect(caughtUp).toEqual([0.02]);
  });

  test('row 51: is not written when it is as wanted, and not again when its event comes after the answer', async () => {
    const { writer, send, stage } = await setUp({ objects: [labelled('a'), cachedObject({ name: 'b' })] });
    expect(writer.writes).toEqual(['b']);
    const b = stage.informer.store.get('default/b');
    if (b !== undefined) await send('MODIFIED', { ...b });
    expect(writer.writes).toEqual(['b']);
  });

  test('row 51: is not written again for an event from before our write that comes after its answer', async () => {
    const { writer, verdicts, send } = await setUp({ objects: [cachedObject({ name: 'a' })] });
    const { records } = verdicts;
    await send('MODIFIED', cachedObject({ name: 'a', resourceVersion: '12', annotations: { late: 'yes' } }));
    expect([writer.writes, verdicts.records]).toEqual([['a'], records]);
  });

  test('is written again when somebody else changes what we wrote', async () => {
    const { writer, send } = await setUp({ objects: [labelled('a')] });
    await send('MODIFIED', labelled('a', { resourceVersion: '11', labels: { env: 'dev' } }));
    expect(writer.writes).toEqual(['a']);
  });

  test('is evaluated once for all its policies, however many changes came', async () => {
    const { verdicts, stage, quiet } = await setUp({ objects: [labelled('a')], programs: [sets, requires] });
    const before = verdicts.records;
    for (const resourceVersion of ['11', '12', '13']) {
      stage.watch.send({ type: 'MODIFIED', object: labelled('a', { resourceVersion }) });
    }
    await quiet();
    expect(verdicts.records).toBe(before + 1);
    expect(verdicts.objects.get('default/a')).toHaveLength(2);
  });

  test('at most `writeWidth` objects are written at once', async () => {
    const { writer, controller, stage, quiet } = await setUp({ width: 2 });
    const { promise, resolve } = Promise.withResolvers<WriteOutcome>();
    writer.answer = () => promise;
    for (const [i, name] of ['a', 'b', 'c'].entries()) {
      stage.watch.send({ type: 'ADDED', object: cachedObject({ name, resourceVersion: String(11 + i) }) });
    }
    await quiet();
    expect([writer.writes, controller.writesInFlight, controller.writeDepth]).toEqual([['a', 'b'], 2, 3]);
    resolve({ kind: 'Gone' });
    await quiet();
    expect([writer.writes, controller.writesInFlight]).toEqual([['a', 'b', 'c'], 0]);
  });
});

test('an object that changes is written before the others of a policy that has just come', async () => {
  const objects = Array.from({ length: 40 }, (_, i) => cachedObject({ name: `o${i}`, resourceVersion: '5' }));
  const { writer, controller, kind, send, quiet } = await setUp({ objects, width: 1, programs: [requires] });
  const first = Promise.withResolvers<WriteOutcome>();
  writer.answer = () => first.promise;
  kind.setPrograms([sets]);
  controller.startPass(kind);
  await quiet();
  expect([writer.writes, controller.writeDepth]).toEqual([['o0'], 40]);
  await send('ADDED', cachedObject({ name: 'new', resourceVersion: '20' }));
  await send('MODIFIED', cachedObject({ name: 'o39', resourceVersion: '21' }));
  first.resolve({ kind: 'Gone' });
  writer.answer = async () => ({ kind: 'Gone' });
  await quiet();
  expect(writer.writes.slice(0, 4)).toEqual(['o0', 'new', 'o39', 'o1']);
  expect(writer.writes).toHaveLength(41);
});

describe('a kind of which no write is answered', () => {
  const broken: WriteOutcome = { kind: 'Unknown', message: 'the webhook is away' };

  test('is Failed with the reason, tries one object at a time, and goes on as a whole when one is answered', async () => {
    const { writer, clock, kind, send, quiet } = await setUp();
    writer.answer = () => broken;
    for (let i = 0; i < 20; i += 1) await send('ADDED', cachedObject({ name: `a${i}` }));
    await clock.advance(3_000);
    expect(problemOf(kind)).toBe('Failed: no write of it is answered: the webhook is away; it is tried again');
    const before = writer.writes.length;
    await clock.advance(20_000);
    expect(writer.writes.length - before).toBeLessThan(6);
    writer.answer = () => undefined;
    kind.retryWrites();
    await quiet();
    expect(problemOf(kind)).toBe('');
    expect(new Set(writer.writes.slice(-20)).size).toBe(20);
  });

  test('because of one object alone is not held responsible', async () => {
    const { writer, clock, kind, send } = await setUp();
    writer.answer = ({ name }) => (name === 'poison' ? broken : undefined);
    await send('ADDED', cachedObject({ name: 'poison' }));
    await clock.advance(40_000_000);
    expect([writer.writes.length > 40, problemOf(kind)]).toEqual([true, '']);
    await send('ADDED', cachedObject({ name: 'fine' }));
    expect(writer.writes.at(-1)).toBe('fine');
  });
});

describe('objects that are left alone', () => {
  test("nothing in the operator's own namespace is judged or written, nor is that Namespace itself", async () => {
    const own = cachedObject({ name: 'a', namespace: 'watchkeeper' });
    const { writer, verdicts } = await setUp({ objects: [own], programs: [sets, requires] });
    expect([writer.writes, verdicts.records]).toEqual([[], 0]);

    const program = programOf('ns', { match: { resources: [{ group: '', resource: 'namespaces' }] }, rules: [SET] });
    const namespaces = ['watchkeeper', 'shop'].map((name) => cachedObject({ name, namespace: '' }));
    const cluster = await setUp({ context: NAMESPACES, objects: namespaces, programs: [program] });
    expect(cluster.writer.writes).toEqual(['shop']);
    expect([...cluster.verdicts.objects.keys()]).toEqual(['shop']);
  });

  test('an object that is removed is forgotten, with its verdict and its write', async () => {
    const { writer, verdicts, controller, clock, send } = await setUp({ objects: [labelled('a')] });
    writer.answer = () => ({ kind: 'Unknown', message: 'broken' });
    await send('MODIFIED', cachedObject({ name: 'a', resourceVersion: '11' }));
    expect(controller.writeDepth).toBe(1);
    await send('DELETED', cachedObject({ name: 'a', resourceVersion: '12' }));
    expect([verdicts.objects.size, controller.writeDepth, clock.pending]).toEqual([0, 0, 0]);
  });

  test('a write that the guard does not admit is not made; it is told of those that were, and of objects that are gone', async () => {
    const seen: string[] = [];
    let admitted = false;
    const guard: ContentionGuard = {
      ...QUIET_GUARD,
      admits: ({ key }) => {
        seen.push(`admits ${key}`);
        return admitted;
      },
      wrote: ({ key }, { labels }) => seen.push(`wrote ${key} ${labels['env']}`),
      gone: (key) => seen.push(`gone ${key}`),
      standing: () => ({ keys: [], oscillation: seen.length === 1 ? { rules: new Map(), keys: [] } : undefined }),
      stop: () => seen.push('stop'),
    };
    const { writer, controller, kind, send } = await setUp({ objects: [cachedObject({ name: 'a' })], guard });
    // What is left alone since then is not wanted any more.
    expect([writer.writes, seen, controller.writeDepth]).toEqual([[], ['admits default/a'], 0]);
    admitted = true;
    seen.push('from here on');
    await send('MODIFIED', cachedObject({ name: 'a', resourceVersion: '11' }));
    expect(writer.writes).toEqual(['a']);
    await send('DELETED', cachedObject({ name: 'a', resourceVersion: '12' }));
    expect(seen.slice(2)).toEqual(['admits default/a', 'wrote default/a prod', 'gone default/a']);
    controller.remove(kind.name);
    expect(seen.at(-1)).toBe('stop');
  });

  test('a terminating object is judged and not written', async () => {
    const { writer, verdicts } = await setUp({
      objects: [cachedObject({ name: 'a', deleting: true })],
      programs: [sets, requires],
    });
    expect(writer.writes).toEqual([]);
    expect(verdicts.codes('default/a')).toEqual(['RequiredKeyMissing']);
  });
});

describe('a pass', () => {
  test('has evaluated its programs only after the last key, and says so then', async () => {
    const { controller, kind, changes, quiet } = await setUp({ objects: [labelled('a'), labelled('b')] });
    kind.setPrograms([sets, requires]);
    controller.startPass(kind);
    expect(kind.hasEvaluated(requires)).toBe(false);
    expect(changes).toEqual([]);
    await quiet();
    expect([kind.hasEvaluated(sets), kind.hasEvaluated(requires)]).toEqual([true, true]);
    expect(changes).toEqual(['']);
  });

  test('over no object at all is over at once', async () => {
    const { controller, kind, changes, idles } = await setUp();
    controller.startPass(kind);
    expect([kind.hasEvaluated(sets), changes, idles()]).toEqual([true, [''], 1]);
  });

  test('an object that goes during the pass does not hold it up', async () => {
    const { controller, kind, stage, quiet } = await setUp({ objects: [labelled('a'), labelled('b')] });
    controller.startPass(kind);
    stage.watch.send({ type: 'DELETED', object: labelled('b') });
    await quiet();
    expect(kind.hasEvaluated(sets)).toBe(true);
  });

  test('is not begun while the kind is not ready, and what comes meanwhile makes one necessary', async () => {
    const { controller, kind, state, verdicts, writer, send, quiet } = await setUp({ objects: [labelled('a')] });
    controller.startPass(kind);
    await quiet();
    expect([kind.hasEvaluated(sets), kind.needsPass]).toEqual([true, false]);
    state.ready = false;
    const before = verdicts.records;
    await send('MODIFIED', cachedObject({ name: 'a', resourceVersion: '11' }));
    expect([verdicts.records, kind.needsPass]).toEqual([before, true]);
    controller.startPass(kind);
    expect(kind.needsPass).toBe(true);
    state.ready = true;
    controller.startPass(kind);
    await quiet();
    expect([writer.writes, kind.needsPass]).toEqual([['a'], false]);
  });

  test('an object that goes while the kind is not ready is forgotten all the same: no pass comes by it any more', async () => {
    const { controller, kind, state, verdicts, send, quiet } = await setUp({ objects: [labelled('a'), labelled('b')] });
    state.ready = false;
    await send('DELETED', labelled('b'));
    await send('MODIFIED', labelled('a', { resourceVersion: '11' }));
    state.ready = true;
    controller.startPass(kind);
    await quiet();
    expect([...verdicts.objects.keys()]).toEqual(['default/a']);
  });

  test('a write whose turn comes when the kind is not ready any more is made up for by a pass', async () => {
    const { controller, kind, state, writer, clock, send, quiet } = await setUp({ objects: [labelled('a')] });
    controller.startPass(kind);
    await quiet();
    writer.answer = () => ({ kind: 'Unknown', message: 'broken' });
    await send('MODIFIED', cachedObject({ name: 'a', resourceVersion: '11' }));
    state.ready = false;
    await clock.advance(5);
    expect([writer.writes.length, kind.needsPass, controller.writeDepth]).toEqual([1, true, 0]);
    state.ready = true;
    writer.answer = () => undefined;
    controller.startPass(kind);
    await quiet();
    expect(writer.writes).toEqual(['a', 'a']);
  });

  test('tells that the kind is idle only when nothing is left to evaluate or to write', async () => {
    const { idles, writer, send, quiet } = await setUp({ objects: [labelled('a')] });
    const { promise, resolve } = Promise.withResolvers<WriteOutcome>();
    writer.answer = () => promise;
    const before = idles();
    await send('MODIFIED', cachedObject({ name: 'a', resourceVersion: '11' }));
    expect(idles()).toBe(before);
    resolve({ kind: 'NotLeading' });
    await quiet();
    expect(idles()).toBe(before + 1);
  });
});

describe('an object with which something fails unexpectedly', () => {
  const bug = new Error('cannot read the value s3cret');

  function throwBug(): never {
    throw bug;
  }

  async function withBug(
    programs: readonly Program[] = [sets],
    bad: CachedObject = cachedObject({ name: 'bad', resourceVersion: '11' }),
  ) {
    const logged: string[] = [];
    const error: Log['error'] = (fields: object, text?: string) => logged.push(`${JSON.stringify(fields)} ${text}`);
    const all = await setUp({ programs, log: { ...silentLog, error } });
    const { writer, controller, kind, stage, quiet, verdicts } = all;
    const differs = writer.differs.bind(writer);
    const state = { broken: true, tries: 0 };
    writer.differs = (object, desired) => {
      if (object.name !== 'bad') return differs(object, desired);
      state.tries += 1;
      if (state.broken) throw bug;
      return differs(object, desired);
    };
    for (const object of [bad, cachedObject({ name: 'good', resourceVersion: '12' })])
      stage.watch.send({ type: 'ADDED', object });
    controller.startPass(kind);
    await quiet();
    const said = () => verdicts.objects.get('default/bad') ?? [];
    return { ...all, logged, broken: state, said };
  }

  test('has an Error of each policy that is about it, and keeps neither a pass from its end nor others from being written', async () => {
    const apart = { match: { resources: [{ group: '', resource: 'configmaps' }], names: ['other'] } };
    const both = { rules: [REQUIRE, SET] };
    const programs = [
      programOf('a-sets', { rules: [SET] }),
      programOf('b-elsewhere', { rules: [SET], ...apart }),
      programOf('c-suspended', { rules: [SET], mode: 'Suspended' }),
      programOf('d-both', both),
      programOf('e-audits', { rules: [REQUIRE], mode: 'Audit' }),
    ];
    const { writer, kind, changes, said, logged } = await withBug(programs);
    expect(writer.writes).toEqual(['good']);
    expect([programs.every((program) => kind.hasEvaluated(program)), changes]).toEqual([true, ['']]);
    const told = said().map(({ matched, pending, results }) => [matched, pending, results.map(({ rule }) => rule)]);
    expect(told).toEqual([
      [true, false, ['env']],
      [false, false, []],
      [false, false, []],
      [true, false, ['env']],
      [true, false, ['team']],
    ]);
    const [error] = said()[0]?.results ?? [];
    expect(error).toMatchObject({ result: 'Error', code: 'InternalError', severity: 'medium' });
    expect(error?.message).toBe(
      'this is a defect in the operator: it failed unexpectedly as it compared the object with what policies want of it; ' +
        'that is tried again, and the log of the operator has more',
    );
    expect(logged).toEqual([expect.stringContaining('an object could not be evaluated')]);
  });

  test('is counted as ours still where a key of ours may be of the policy', async () => {
    const { said } = await withBug(
      [sets, requires],
      labelled('bad', { resourceVersion: '11', labels: { env: 'dev' } }),
    );
    expect(said().map(({ owned }) => owned)).toEqual([false, true]);
  });

  test('is told of by a policy of which it cannot be known whether it is about the object', async () => {
    const { said } = await withBug([{ ...sets, matches: throwBug }]);
    expect(said()).toMatchObject([{ matched: false, results: [{ rule: 'env', code: 'InternalError' }] }]);
    expect(said()[0]?.results[0]?.message).toContain('as it worked out what policies say about the object;');
  });

  test('is tried again, later each time up to a minute, until it is as it should be; and is logged once', async () => {
    const { clock, controller, kind, broken, logged, writer, said, quiet } = await withBug();
    const waits: number[] = [];
    for (let i = 0; i < 9; i += 1) {
      waits.push(await clock.advanceToNext());
      await quiet();
    }
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 50_000, 50_000, 50_000]);
    expect(logged).toHaveLength(1);
    // For another reason, and before its time: the next try stays when it was.
    const { tries } = broken;
    await clock.advance(20_000);
    controller.enqueue(kind, 'default/bad');
    await quiet();
    expect([broken.tries, clock.nextIn]).toEqual([tries + 1, 30_000]);
    broken.broken = false;
    await clock.advance(30_000);
    await quiet();
    expect([writer.writes, said(), clock.pending]).toEqual([
      ['good', 'bad'],
      [{ matched: true, owned: true, pending: false, results: [] }],
      0,
    ]);
    broken.broken = true;
    controller.enqueue(kind, 'default/bad');
    await quiet();
    expect([clock.nextIn, logged.length]).toEqual([1_000, 2]);
  });

  test.each(['is removed', 'is of a kind that is not watched any more', 'is there when all stops'])(
    'and that %s leaves no timer',
    async (how) => {
      const { clock, controller, kind, broken, send, quiet } = await withBug();
      expect(clock.pending).toBe(1);
      if (how === 'is removed') await send('DELETED', cachedObject({ name: 'bad', resourceVersion: '20' }));
      else if (how.startsWith('is of')) controller.remove(kind.id);
      else await controller.stop();
      expect(clock.pending).toBe(0);
      const { tries } = broken;
      await clock.advance(200_000);
      await quiet();
      expect(broken.tries).toBe(tries);
    },
  );

  test('is told of also where it is what was to be recorded that fails', async () => {
    const { verdicts, controller, kind, quiet } = await setUp({ objects: [labelled('a')] });
    const record = verdicts.record.bind(verdicts);
    verdicts.record = (context, object, programs, said) => {
      if (said.every(({ results }) => results.length === 0)) throw bug;
      record(context, object, programs, said);
    };
    controller.startPass(kind);
    await quiet();
    expect(kind.hasEvaluated(sets)).toBe(true);
    const [said] = verdicts.objects.get('default/a') ?? [];
    expect(said).toMatchObject({ matched: true, owned: true });
    expect(said?.results[0]?.message).toContain(' as it recorded what policies say about the object;');
  });

  test('of which nothing can be recorded either keeps the pass open: nothing is said to be exact', async () => {
    const { verdicts, kind, clock, quiet, state, controller } = await setUp({ objects: [labelled('a')] });
    const record = verdicts.record.bind(verdicts);
    let broken = true;
    verdicts.record = (...said) => {
      if (broken) throw bug;
      record(...said);
    };
    expect(state.ready).toBe(true);
    controller.startPass(kind);
    await quiet();
    expect(kind.hasEvaluated(sets)).toBe(false);
    broken = false;
    await clock.advance(1_000);
    await quiet();
    expect([kind.hasEvaluated(sets), verdicts.codes('default/a'), clock.pending]).toEqual([true, [], 0]);
  });
});

describe('a write that brings no answer', () => {
  test.each<WriteOutcome>([{ kind: 'Unknown', message: 'broken' }, { kind: 'Stale' }])(
    '$kind: is tried again, later each time, from what the store holds then',
    async (outcome) => {
      const { writer, controller, clock, send } = await setUp();
      writer.answer = () => outcome;
      await send('ADDED', cachedObject({ name: 'a', resourceVersion: '11' }));
      expect(clock.nextIn).toBe(5);
      await clock.advance(5);
      expect([writer.writes, clock.nextIn]).toEqual([['a', 'a'], 10]);
      // The write was made after all: the event says so, and that is the end of it.
      await send('MODIFIED', labelled('a', { resourceVersion: '12' }));
      expect([controller.writeDepth, clock.pending]).toEqual([0, 0]);
    },
  );

  test('for ten seconds is an Error of the object, until one is answered', async () => {
    const { writer, verdicts, clock, send, quiet } = await setUp();
    writer.answer = () => ({ kind: 'Unknown', message: 'the webhook is away' });
    await send('ADDED', cachedObject({ name: 'a', resourceVersion: '11' }));
    await clock.advance(9_000);
    await quiet();
    expect(verdicts.codes('default/a')).toEqual([]);
    await clock.advance(3_000);
    await quiet();
    expect(verdicts.codes('default/a')).toEqual(['NoAnswer']);
    const tries = writer.writes.length;
    writer.answer = () => undefined;
    await clock.advance(30_000);
    await quiet();
    expect([writer.writes.length, verdicts.codes('default/a')]).toEqual([tries + 1, []]);
  });

  test('is told of once, and once more when there are answers again', async () => {
    const lines: string[] = [];
    const tell = (_: object, line: string) => lines.push(line);
    const { writer, clock, send } = await setUp({ log: { ...silentLog, info: tell, warn: tell } });
    writer.answer = () => ({ kind: 'Unknown', message: 'broken' });
    for (const name of ['a', 'b', 'c']) await send('ADDED', cachedObject({ name, resourceVersion: '11' }));
    await clock.advance(100);
    expect(writer.writes.length).toBeGreaterThan(9);
    expect(lines).toEqual([expect.stringContaining('had no answer')]);
    writer.answer = () => undefined;
    await clock.advance(1_000);
    expect(lines.slice(1)).toEqual(['writes are answered again']);
  });

  test('a change of the object is reason to try at once', async () => {
    const { writer, clock, send } = await setUp();
    writer.answer = () => ({ kind: 'Unknown', message: 'broken' });
    await send('ADDED', cachedObject({ name: 'a', resourceVersion: '11' }));
    for (let i = 0; i < 10; i++) await clock.advanceToNext();
    expect(clock.nextIn).toBeGreaterThan(1_000);
    const before = writer.writes.length;
    await send('MODIFIED', cachedObject({ name: 'a', resourceVersion: '12' }));
    await clock.advance(0);
    expect(writer.writes).toHaveLength(before + 1);
  });

  describe('because the server asks to wait', () => {
    const overloaded: WriteOutcome = { kind: 'Overloaded', afterMs: 3_000, message: 'the API server asks to wait' };

    test('has everybody wait', async () => {
      const { writer, clock, send } = await setUp();
      writer.answer = () => overloaded;
      await send('ADDED', cachedObject({ name: 'a', resourceVersion: '11' }));
      await send('ADDED', cachedObject({ name: 'b', resourceVersion: '12' }));
      expect([writer.writes, clock.nextIn]).toEqual([['a'], 3_000]);
      writer.answer = () => undefined;
      await clock.advance(3_000);
      expect(writer.writes).toEqual(['a', 'a', 'b']);
    });

    test('with one object alone, does not have the others wait again, and is an Error of the object after ten seconds', async () => {
      const { writer, verdicts, clock, kind, send, quiet } = await setUp();
      writer.answer = ({ name }) => (name === 'poison' ? overloaded : undefined);
      await send('ADDED', cachedObject({ name: 'poison', resourceVersion: '11' }));
      await clock.advance(3_000);
      for (let second = 0; second < 120; second++) {
        await send('ADDED', cachedObject({ name: `a${second}`, resourceVersion: String(12 + second) }));
        expect(writer.writes.at(-1)).toBe(`a${second}`);
        await clock.advance(1_000);
        await quiet();
      }
      expect(verdicts.codes('default/poison')).toEqual(['NoAnswer']);
      expect(problemOf(kind)).toBe('');
      expect(writer.writes.filter((name) => name === 'poison').length).toBeLessThan(9);
    });

    test('with a kind, is Failed with the reason, and one object at a time asks again', async () => {
      const { writer, clock, kind, send, quiet } = await setUp();
      writer.answer = () => overloaded;
      for (let i = 0; i < 40; i += 1) await send('ADDED', cachedObject({ name: `a${i}` }));
      await clock.advance(3_000);
      await clock.advance(3_000);
      expect(problemOf(kind)).toBe(
        'Failed: no write of it is answered: the API server asks to wait; it is tried again',
      );
      const before = writer.writes.length;
      await clock.advance(20_000);
      expect(writer.writes.length - before).toBeLessThan(6);
      writer.answer = () => undefined;
      await clock.advance(30_000);
      await quiet();
      expect([problemOf(kind), new Set(writer.writes.slice(-40)).size]).toEqual(['', 40]);
    });
  });

  describe('because the object is gone, as one server says', () => {
    test('is not tried again when the watch tells the same', async () => {
      const { writer, controller, clock, send } = await setUp();
      writer.answer = () => ({ kind: 'Gone' });
      const object = cachedObject({ name: 'a', resourceVersion: '11' });
      await send('ADDED', object);
      await send('DELETED', { ...object, resourceVersion: '12' });
      expect([writer.writes, controller.writeDepth, clock.pending]).toEqual([['a'], 0, 0]);
    });

    test('is tried again when it does not, and told after ten seconds', async () => {
      const { writer, verdicts, clock, send, quiet } = await setUp();
      writer.answer = () => ({ kind: 'Gone' });
      await send('ADDED', cachedObject({ name: 'a', resourceVersion: '11' }));
      await clock.advance(2_000);
      expect([writer.writes, verdicts.codes('default/a')]).toEqual([['a', 'a'], []]);
      await clock.advance(14_000);
      await quiet();
      expect(verdicts.codes('default/a')).toEqual(['NoAnswer']);
      writer.answer = () => undefined;
      await clock.advance(20_000);
      await quiet();
      expect([writer.writes.length, verdicts.codes('default/a')]).toEqual([6, []]);
    });
  });

  test('what fails unexpectedly is tried again', async () => {
    const { writer, clock, send } = await setUp();
    writer.answer = () => Promise.reject(new Error('a bug'));
    await send('ADDED', cachedObject({ name: 'a', resourceVersion: '11' }));
    expect(clock.nextIn).toBe(5);
  });
});

async function refusedOnce() {
  const all = await setUp({ programs: [sets, requires] });
  all.writer.answer = () => refused;
  await all.send('ADDED', cachedObject({ name: 'a', resourceVersion: '11' }));
  return all;
}

/** Its write is under way, until the test answers it. */
async function writing(programs: readonly Program[]) {
  const all = await setUp({ programs });
  const answer = Promise.withResolvers<WriteOutcome>();
  all.writer.answer = () => answer.promise;
  await all.send('ADDED', cachedObject({ name: 'a', resourceVersion: '11' }));
  return { ...all, answer };
}

describe('a refused write', () => {
  test('N6: is an Error of the policy that wants it, and is tried again after half a minute', async () => {
    const { writer, verdicts, clock } = await refusedOnce();
    expect(verdicts.codes('default/a')).toEqual(['RequiredKeyMissing', 'RefusedByServer']);
    expect(clock.nextIn).toBe(30_000);
    await clock.advance(29_999);
    expect(writer.writes).toEqual(['a']);
    await clock.advance(1);
    expect(writer.writes).toEqual(['a', 'a']);
    expect(verdicts.codes('default/a')).toEqual(['RequiredKeyMissing', 'RefusedByServer']);
  });

  test.each([
    ['evaluated again', '11', 30_000],
    ['changed', '12', 5_000],
  ])('of an object that was %s during it is not tried again at once', async (_what, resourceVersion, nextIn) => {
    const { answer, writer, clock, kind, controller, send, quiet } = await writing([sets]);
    if (resourceVersion === '11') controller.enqueue(kind, 'default/a', 'Bulk');
    else await send('MODIFIED', cachedObject({ name: 'a', resourceVersion }));
    await quiet();
    answer.resolve(refused);
    await quiet();
    expect([writer.writes, clock.nextIn]).toEqual([['a'], nextIn]);
    await clock.advance(nextIn);
    expect(writer.writes).toEqual(['a', 'a']);
  });

  test('is tried at once when the programs became others during it', async () => {
    const { answer, writer, clock, kind, controller, quiet } = await writing([sets, requires]);
    kind.setPrograms([sets]);
    controller.startPass(kind);
    await quiet();
    answer.resolve(refused);
    await quiet();
    await clock.advance(0);
    expect(writer.writes).toEqual(['a', 'a']);
  });

  test('that goes through at last is no Error any more', async () => {
    const { writer, verdicts, clock, quiet } = await refusedOnce();
    writer.answer = () => undefined;
    await clock.advance(30_000);
    await quiet();
    expect(verdicts.codes('default/a')).toEqual(['RequiredKeyMissing']);
    expect(clock.pending).toBe(0);
  });

  test('of an object that changes is tried as soon as five seconds have passed, and stays an Error until then', async () => {
    const { writer, verdicts, clock, send } = await refusedOnce();
    await clock.advance(2_000);
    await send('MODIFIED', cachedObject({ name: 'a', resourceVersion: '12' }));
    expect(verdicts.codes('default/a')).toContain('RefusedByServer');
    expect([writer.writes, clock.nextIn]).toEqual([['a'], 3_000]);
    await clock.advance(3_000);
    expect(writer.writes).toEqual(['a', 'a']);
  });

  test('of an object that changes later is tried at once', async () => {
    const { writer, verdicts, clock, send } = await refusedOnce();
    await clock.advance(6_000);
    writer.answer = () => undefined;
    await send('MODIFIED', cachedObject({ name: 'a', resourceVersion: '12' }));
    await clock.advance(0);
    expect(writer.writes).toEqual(['a', 'a']);
    expect(verdicts.codes('default/a')).toEqual(['RequiredKeyMissing']);
  });

  test('is tried at once when the programs are others', async () => {
    const { writer, controller, kind, clock, quiet } = await refusedOnce();
    kind.setPrograms([sets]);
    controller.startPass(kind);
    await quiet();
    await clock.advance(0);
    expect(writer.writes).toEqual(['a', 'a']);
  });

  test('is forgotten when the object is as wanted without us', async () => {
    const { verdicts, clock, send } = await refusedOnce();
    await send('MODIFIED', labelled('a', { resourceVersion: '12' }));
    expect(verdicts.codes('default/a')).toEqual(['RequiredKeyMissing']);
    expect(clock.pending).toBe(0);
  });

  test('that the server takes without any effect is one too', async () => {
    const { writer, verdicts, clock, send } = await setUp();
    const object = cachedObject({ name: 'a', resourceVersion: '11' });
    writer.answer = () => ({ kind: 'Written', answer: object });
    await send('ADDED', object);
    expect(verdicts.codes('default/a')).toEqual(['RefusedByServer']);
    expect(clock.nextIn).toBe(30_000);
  });
});

async function withoutRight() {
  const all = await setUp({ width: 2 });
  all.writer.answer = () => missingRight;
  for (const [i, name] of ['a', 'b', 'c', 'd'].entries()) {
    all.stage.watch.send({ type: 'ADDED', object: cachedObject({ name, resourceVersion: String(11 + i) }) });
  }
  await all.quiet();
  return all;
}

describe('a missing right', () => {
  test('holds all writes of the kind back and is told once; only those under way find out', async () => {
    const { writer, kind, changes, controller } = await withoutRight();
    expect(writer.writes).toEqual(['a', 'b']);
    expect([problemOf(kind), changes]).toEqual([GRANT, [GRANT]]);
    expect(controller.writeDepth).toBe(0);
  });

  test('one object at a time looks whether it is there, and none of the others', async () => {
    const { writer, clock } = await withoutRight();
    await clock.advance(1_000);
    expect(writer.writes).toHaveLength(3);
    await clock.advance(2_000);
    expect(writer.writes).toHaveLength(4);
    await clock.advance(4_000);
    expect(writer.writes).toHaveLength(5);
    expect(new Set(writer.writes.slice(2)).size).toBe(3);
  });

  test('all objects are written once it is there again, each once', async () => {
    const { writer, kind, changes, clock, quiet, stage } = await withoutRight();
    writer.answer = () => undefined;
    await clock.advance(1_000);
    await quiet();
    expect(writer.writes.slice(2).toSorted()).toEqual(['a', 'b', 'c', 'd']);
    expect([problemOf(kind), changes.at(-1), clock.pending]).toEqual(['', '', 0]);
    expect([...stage.informer.store.values()].every(({ labels }) => labels['env'] === 'prod')).toBe(true);
  });

  test.each(['evaluated', 'written'])(
    'an object that always fails when it is %s does not keep the others waiting',
    async (when) => {
      const { writer, clock, quiet } = await withoutRight();
      const tried = writer.writes.length;
      let bad: string | undefined;
      const failFirst = ({ name }: CachedObject): void => {
        bad ??= name;
        if (bad === name) throw new Error('a bug');
      };
      const differs = writer.differs.bind(writer);
      writer.differs = (object, desired) => {
        if (when === 'evaluated') failFirst(object);
        return differs(object, desired);
      };
      writer.answer = (object) => {
        if (when === 'written') failFirst(object);
        return undefined;
      };
      await clock.advance(1_000);
      expect(bad).toBe('a');
      await clock.advance(2_000);
      await quiet();
      expect(writer.writes.slice(tried).filter((name) => name !== bad)).toEqual(['b', 'c', 'd']);
    },
  );

  test('a refusal for another reason says that the right is there', async () => {
    const { writer, kind, clock, quiet } = await withoutRight();
    writer.answer = ({ name }) => (name === 'a' ? refused : undefined);
    await clock.advance(1_000);
    await quiet();
    expect(problemOf(kind)).toBe('');
    expect(writer.writes.slice(2).toSorted()).toEqual(['a', 'b', 'c', 'd']);
  });

  test('objects that change, come or go meanwhile are as they are when the right is there', async () => {
    const { writer, clock, send, quiet } = await withoutRight();
    await send('DELETED', cachedObject({ name: 'a' }));
    await send('MODIFIED', labelled('b', { resourceVersion: '21' }));
    await send('ADDED', cachedObject({ name: 'e', resourceVersion: '22' }));
    expect(writer.writes).toHaveLength(2);
    writer.answer = () => undefined;
    await clock.advance(1_000);
    await quiet();
    expect(writer.writes.slice(2).toSorted()).toEqual(['c', 'd', 'e']);
  });

  test('is no matter any more when no object needs a write', async () => {
    const { kind, controller, changes, clock, quiet } = await withoutRight();
    kind.setPrograms([requires]);
    controller.startPass(kind);
    await quiet();
    expect([problemOf(kind), changes.at(-1), clock.pending]).toEqual(['', '', 0]);
  });

  test('of a kind that is removed leaves no timer', async () => {
    const { controller, clock } = await withoutRight();
    controller.remove('configmaps');
    expect(clock.pending).toBe(0);
  });
});

async function withRightInA() {
  const all = await setUp();
  all.writer.answer = ({ namespace }) => (namespace === 'a' ? undefined : missingRight);
  let version = 10;
  const create = async (namespace: string, name: string) => {
    version += 1;
    await all.send('ADDED', cachedObject({ namespace, name, resourceVersion: String(version) }));
  };
  for (const namespace of ['a', 'b', 'c', 'd', 'e']) await create(namespace, `${namespace}-1`);
  return { ...all, create };
}

describe('a right that is given in some namespaces only', () => {
  test('holds back the objects of the others, and the message names those', async () => {
    const { writer, kind, create, clock, quiet } = await withRightInA();
    await create('a', 'a-2');
    await create('b', 'b-2');
    expect(writer.writes).toEqual(['a-1', 'b-1', 'c-1', 'd-1', 'e-1', 'a-2']);
    expect(problemOf(kind)).toContain(
      "grant the operator's ServiceAccount by a Role in the namespaces b, c, d and 1 more: ",
    );
    writer.answer = () => undefined;
    await clock.advance(1_000);
    await quiet();
    expect(writer.writes.slice(6).toSorted()).toEqual(['b-1', 'b-2', 'c-1', 'd-1', 'e-1']);
    expect([problemOf(kind), clock.pending]).toEqual(['', 0]);
  });

  test('is no matter of a policy that reaches only where the right is, nor of one that does not write', async () => {
    const { kind } = await withRightInA();
    const within = (namespaces: readonly string[]) =>
      programOf('p', { match: { resources: [{ group: '', resource: 'configmaps' }], namespaces }, rules: [SET] });
    expect(problemOf(kind, within(['a']))).toBe('');
    expect(problemOf(kind, within(['a', 'b']))).toContain('by a Role in the namespace b: apiGroups');
    expect(problemOf(kind, requires)).toBe('');
    expect(problemOf(kind, programOf('p', { mode: 'Audit', rules: [SET] }))).toBe('');
  });
});

describe('a kind whose server knows no server-side apply', () => {
  test('is Failed for policies that write, one object at a time finds out whether it still is, and judging goes on', async () => {
    const { writer, verdicts, kind, clock, changes, send, quiet } = await setUp({ programs: [sets, requires] });
    writer.answer = () => ({ kind: 'NoServerSideApply', message: 'the body of the request was in an unknown format' });
    await send('ADDED', cachedObject({ name: 'a', resourceVersion: '11' }));
    await send('ADDED', cachedObject({ name: 'b', resourceVersion: '12' }));
    expect(writer.writes).toEqual(['a']);
    expect(problemOf(kind, sets)).toMatch(
      /^Failed: nothing can be written to it, as its API server knows no server-side apply: the body/,
    );
    expect(problemOf(kind, requires)).toBe('');
    expect(verdicts.codes('default/b')).toEqual(['RequiredKeyMissing']);
    await clock.advance(1_000);
    await clock.advance(2_000);
    expect(writer.writes).toEqual(['a', 'a', 'b']);
    writer.answer = () => undefined;
    await clock.advance(4_000);
    await quiet();
    expect([problemOf(kind), changes.at(-1), clock.pending]).toEqual(['', '', 0]);
  });
});

/** In a namespace without the right. */
const poor = (name: string, resourceVersion: string) => cachedObject({ name, namespace: 'poor', resourceVersion });

describe('the record of what is written', () => {
  test('stands before the first write, or nothing is written', async () => {
    const { writer, state, kind, clock, changes, send, quiet } = await setUp();
    state.ledger = new Error('the ledger is read-only');
    await send('ADDED', cachedObject({ name: 'a', resourceVersion: '11' }));
    await send('ADDED', cachedObject({ name: 'b', resourceVersion: '12' }));
    expect([writer.writes, state.ensured]).toEqual([[], 1]);
    // The kind itself is well; status tells of the ledger.
    expect([problemOf(kind), changes]).toEqual(['', ['']]);
    await clock.advance(1_000);
    expect(state.ensured).toBe(2);
    state.ledger = undefined;
    await clock.advance(2_000);
    await quiet();
    expect(writer.writes.toSorted()).toEqual(['a', 'b']);
    expect(clock.pending).toBe(0);
  });

  test('that cannot be kept, and a right that is missing in a namespace, do not wait for each other', async () => {
    const { writer, state, clock, send, quiet } = await setUp();
    writer.answer = () => missingRight;
    for (const name of ['a', 'b', 'c']) await send('ADDED', poor(name, '11'));
    state.ledger = new Error('the ledger is read-only');
    await send('ADDED', cachedObject({ name: 'd', resourceVersion: '12' }));
    // It waits for the ledger now, and the others of its namespace for the right.
    await send('MODIFIED', poor('c', '13'));
    await clock.advance(60_000);
    state.ledger = undefined;
    writer.answer = () => undefined;
    writer.writes.length = 0;
    await clock.advance(120_000);
    await quiet();
    expect(writer.writes.toSorted()).toEqual(['a', 'b', 'c', 'd']);
    expect(clock.pending).toBe(0);
  });

  test('is tried again by an object that was refused before without waiting for that to be due', async () => {
    const { writer, state, clock, kind, controller, send, quiet } = await setUp();
    writer.answer = () => ({ kind: 'Refused', code: 'RefusedByServer', message: 'no' });
    await send('ADDED', cachedObject({ name: 'a', resourceVersion: '11' }));
    state.ledger = new Error('the ledger is read-only');
    await send('ADDED', cachedObject({ name: 'b', resourceVersion: '12' }));
    controller.enqueue(kind, 'default/a', 'Bulk');
    await quiet();
    await clock.advance(1_000);
    state.ledger = undefined;
    writer.writes.length = 0;
    await clock.advance(3_000);
    await quiet();
    expect(writer.writes).toEqual(['a', 'b']);
    await controller.stop();
  });

  test('does not wait for an object whose own writes have no answer', async () => {
    const { writer, state, clock, kind, controller, changes, send, quiet } = await setUp();
    state.ledger = new Error('the ledger is read-only');
    await send('ADDED', cachedObject({ name: 'a', resourceVersion: '11' }));
    await send('ADDED', cachedObject({ name: 'b', resourceVersion: '12' }));
    state.ledger = undefined;
    writer.answer = ({ name }) => (name === 'a' ? { kind: 'Unknown', message: 'it hangs' } : undefined);
    await clock.advance(1_000);
    await quiet();
    expect([writer.writes, changes.at(-1)]).toEqual([['a'], expect.stringContaining('it hangs')]);
    await clock.advance(3_000);
    await quiet();
    expect([writer.writes.includes('b'), problemOf(kind)]).toEqual([true, '']);
    await controller.stop();
  });
});

describe('a kind that is removed', () => {
  test('is forgotten with its verdicts; a write under way brings nothing to the kind that comes after it', async () => {
    const { writer, verdicts, controller, kind, stage, clock, send, quiet } = await setUp();
    const { promise, resolve } = Promise.withResolvers<WriteOutcome>();
    writer.answer = () => promise;
    await send('ADDED', cachedObject({ name: 'a', resourceVersion: '11' }));
    controller.remove(kind.name);
    expect(verdicts.forgottenKinds).toEqual(['configmaps']);
    const next = new WatchedKind(kind.context, stage.informer);
    next.setPrograms([sets]);
    controller.add(next);
    resolve(missingRight);
    await quiet();
    expect([problemOf(kind), problemOf(next), clock.pending]).toEqual(['', '', 0]);
    controller.enqueue(kind, 'default/a');
    expect(controller.evaluationDepth).toBe(0);
  });

  test('and comes again has what a late answer says in its store, before it is said to be idle', async () => {
    const { writer, controller, kind, stage, send, quiet } = await setUp();
    const { promise, resolve } = Promise.withResolvers<WriteOutcome>();
    writer.answer = () => promise;
    await send('ADDED', cachedObject({ name: 'a', resourceVersion: '11' }));
    controller.remove(kind.name);
    controller.add(new WatchedKind(kind.context, stage.informer));
    expect(controller.isBusy(kind.id)).toBe(true);
    resolve({ kind: 'Written', answer: labelled('a', { resourceVersion: '12' }) });
    await quiet();
    expect(stage.informer.store.get('default/a')?.resourceVersion).toBe('12');
    expect(controller.isBusy(kind.id)).toBe(false);
  });
});

describe('stop', () => {
  test('ends the writes under way, takes their answers, begins no other and leaves no timer', async () => {
    const { writer, controller, clock, stage, send, quiet } = await setUp({ width: 1 });
    const { promise, resolve } = Promise.withResolvers<WriteOutcome>();
    writer.answer = () => promise;
    const a = cachedObject({ name: 'a', resourceVersion: '11' });
    await send('ADDED', a);
    await send('ADDED', cachedObject({ name: 'b', resourceVersion: '12' }));
    const stopped = vi.fn<() => void>();
    const stopping = controller.stop().finally(stopped);
    await quiet();
    expect(stopped).not.toHaveBeenCalled();
    resolve({ kind: 'Written', answer: labelled('a', { resourceVersion: '20' }) });
    await stopping;
    await send('ADDED', cachedObject({ name: 'c', resourceVersion: '21' }));
    expect(writer.writes).toEqual(['a']);
    expect(stage.informer.store.get('default/a')?.labels).toEqual(done);
    expect([controller.evaluationDepth, controller.writeDepth]).toEqual([0, 0]);
    await stage.informer.stop();
    expect(clock.pending).toBe(0);
  });

  test('leaves no timer of a missing right', async () => {
    const { writer, controller, clock, stage, send } = await setUp();
    writer.answer = () => missingRight;
    await send('ADDED', cachedObject({ name: 'a', resourceVersion: '11' }));
    await controller.stop();
    await stage.informer.stop();
    expect(clock.pending).toBe(0);
  });
});
