import { afterEach, describe, expect, test } from 'vitest';
import { cachedObject } from '../../test/support/cached-object.ts';
import { programOf } from '../../test/support/compiled-policy.ts';
import { controllerOptions, type InformerStage, ScriptedWriter, startInformer } from '../../test/support/kind-stage.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { apiError } from '../../test/support/scripted-list-watch.ts';
import { type CachedObject, objectKey } from '../api/object.ts';
import type { KindContext, Program } from '../policy/program.ts';
import type { Verdict } from '../policy/verdict.ts';
import { VIEW_GRACE_MS } from './awaited-views.ts';
import { ObjectController } from './object-controller.ts';
import { WatchedKind } from './watched-kind.ts';

const V1: KindContext = { group: 'acme.io', resource: 'widgets', version: 'v1', kind: 'Widget', scope: 'Namespaced' };
const BETA: KindContext = { ...V1, version: 'v1beta1' };

/** Sets the label `label` to what `spec.size` is, as the version `version` has it. */
const copies = (label: string, version: string, fields: object = {}): Program =>
  programOf(label, {
    match: { resources: [{ group: 'acme.io', resource: 'widgets', version }] },
    rules: [{ name: 'copy', set: { labels: [{ key: label, valueFrom: { jsonPath: '$.spec.size' } }] } }],
    ...fields,
  });
const inV1 = copies('new', 'v1');
const inBeta = copies('old', 'v1beta1');
const inV9 = copies('gone', 'v9');
const elsewhere = copies('gone', 'v9', {
  match: { resources: [{ group: 'acme.io', resource: 'widgets', version: 'v9' }], namespaces: ['elsewhere'] },
});

const sized = (size: string, fields: Partial<CachedObject> = {}): CachedObject =>
  cachedObject({ name: 'w', resourceVersion: '11', body: { spec: { size } }, ...fields });

const clocks: ManualClock[] = [];
afterEach(() => {
  for (const { pending } of clocks.splice(0)) if (pending > 0) throw new Error('a timer is left');
});

async function setUp({
  programs = [inV1, inBeta],
  objects = [],
}: {
  programs?: readonly Program[];
  objects?: readonly CachedObject[];
} = {}) {
  const clock = new ManualClock();
  clocks.push(clock);
  const main = await startInformer(objects);
  const beta = await startInformer(objects.map((object) => ({ ...object, body: { spec: { size: 'beta' } } })));
  const writer = new ScriptedWriter();
  const verdicts = new Map<string, readonly Verdict[]>();
  const kind = new WatchedKind(V1, main.informer, [{ context: BETA, informer: beta.informer }]);
  kind.setPrograms(
    programs,
    new Map([
      [inV1, 'v1'],
      [inBeta, 'v1beta1'],
      [inV9, 'v9'],
      [elsewhere, 'v9'],
    ]),
  );
  const controller = new ObjectController(
    controllerOptions({
      clock,
      writer,
      verdicts: {
        record: (_kind, { name }, of, said) => {
          expect(of).toBe(kind.programs);
          verdicts.set(name, said);
        },
        forget: (_kind, key) => verdicts.delete(key),
        depart: () => undefined,
        forgetKind: () => {},
      },
    }),
  );
  controller.add(kind);
  for (const { informer } of [main, beta]) {
    const enqueue = (object: CachedObject) => controller.enqueue(kind, objectKey(object));
    informer.addHandler({ change: enqueue, remove: enqueue, synced: () => {} });
  }
  const quiet = async (): Promise<void> => {
    for (let i = 0; i < 8; i++) await clock.settle();
  };
  const tell = async ({ watch }: InformerStage, object: CachedObject, type: 'MODIFIED' | 'DELETED' = 'MODIFIED') => {
    watch.send({ type, object });
    await quiet();
  };
  const labels = () => main.informer.store.get('default/w')?.labels;
  const verdictOf = (program: Program) => verdicts.get('w')?.[kind.programs.indexOf(program)];
  await quiet();
  return { clock, main, beta, writer, kind, controller, quiet, tell, labels, verdictOf };
}

/** As both programs leave an object whose sizes are these. */
const done = (fresh: string, old: string, resourceVersion: string, size = fresh): CachedObject =>
  sized(size, { resourceVersion, labels: { new: fresh, old }, applied: { labels: ['new', 'old'], annotations: [] } });

describe('an object that two policies read in two versions', () => {
  test('is written once, when both versions show it, with what each reads in its own', async () => {
    const { main, beta, tell, writer, labels } = await setUp();
    await tell(main, sized('1'));
    expect(writer.writes).toEqual([]);
    await tell(beta, sized('one'));
    expect([writer.writes, labels()]).toEqual([['w'], { new: '1', old: 'one' }]);
    // The events of that write come from both, at different times.
    const resourceVersion = main.informer.store.get('default/w')?.resourceVersion ?? '';
    await tell(beta, done('1', 'one', resourceVersion, 'one'));
    await tell(main, done('1', 'one', resourceVersion));
    expect(writer.writes).toEqual(['w']);
  });

  test.each(['v1', 'v1beta1'])('is not written by what an old body says, when %s comes first', async (first) => {
    const { main, beta, tell, writer, labels } = await setUp({ objects: [done('1', 'beta', '11')] });
    const inMain = () => tell(main, done('1', 'beta', '12', '2'));
    const inOther = () => tell(beta, done('1', 'beta', '12', 'two'));
    await (first === 'v1' ? inMain() : inOther());
    expect(writer.writes).toEqual([]);
    await (first === 'v1' ? inOther() : inMain());
    expect([writer.writes, labels()]).toEqual([['w'], { new: '2', old: 'two' }]);
    const { resourceVersion = '' } = main.informer.store.get('default/w') ?? {};
    await tell(beta, done('2', 'two', resourceVersion, 'two'));
    await tell(main, done('2', 'two', resourceVersion));
    expect(writer.writes).toEqual(['w']);
  });

  test('that is deleted and made again is not taken for the earlier one', async () => {
    const { main, beta, tell, writer, labels } = await setUp({ objects: [done('1', 'beta', '11')] });
    await tell(main, sized('2', { uid: 'again' }));
    expect(writer.writes).toEqual([]);
    await tell(beta, sized('two', { uid: 'again' }));
    expect([writer.writes, labels()]).toEqual([['w'], { new: '2', old: 'two' }]);
    await tell(main, sized('2', { uid: 'again' }), 'DELETED');
    expect(labels()).toBeUndefined();
    await tell(beta, sized('two', { uid: 'again' }), 'DELETED');
  });
});

describe('a version that lags behind', () => {
  test('is waited for, and not for ever: then its policy keeps what it has set, and the others go on', async () => {
    const { clock, main, beta, tell, quiet, writer, labels, verdictOf } = await setUp({
      objects: [done('1', 'beta', '11')],
    });
    await tell(main, done('1', 'beta', '12', '2'));
    await clock.advance(VIEW_GRACE_MS - 1);
    await quiet();
    expect(writer.writes).toEqual([]);
    await clock.advance(1);
    await quiet();
    expect([writer.writes, labels()]).toEqual([['w'], { new: '2', old: 'beta' }]);
    expect(verdictOf(inBeta)).toMatchObject({ matched: false, pending: true, owned: true });
    const { resourceVersion = '' } = main.informer.store.get('default/w') ?? {};
    await tell(beta, done('2', 'beta', resourceVersion, 'two'));
    expect([writer.writes, labels()]).toEqual([['w', 'w'], { new: '2', old: 'two' }]);
    expect(verdictOf(inBeta)).toMatchObject({ matched: true, pending: false });
    const last = main.informer.store.get('default/w');
    if (last !== undefined) await tell(beta, { ...last, body: { spec: { size: 'two' } } });
  });

  test('because its watch is broken is not waited for; objects that did not change meanwhile are judged on', async () => {
    const { main, beta, tell, quiet, writer, labels, verdictOf, controller, kind } = await setUp({
      objects: [done('1', 'beta', '11')],
    });
    beta.watch.fail(apiError('Unavailable'));
    await quiet();
    controller.startPass(kind);
    await quiet();
    expect(verdictOf(inBeta)).toMatchObject({ matched: true, pending: false });
    await tell(main, done('1', 'beta', '12', '2'));
    expect([writer.writes, labels()]).toEqual([['w'], { new: '2', old: 'beta' }]);
  });

  test('holds nothing up once the object is gone, or the kind', async () => {
    const { clock, main, beta, tell, controller, kind } = await setUp();
    await tell(main, sized('1'));
    expect(clock.pending).toBe(1);
    await tell(main, sized('1'), 'DELETED');
    expect(clock.pending).toBe(0);
    await tell(main, sized('1', { uid: 'again', resourceVersion: '20' }));
    expect(clock.pending).toBe(1);
    controller.remove(kind.name);
    expect(clock.pending).toBe(0);
    await tell(beta, sized('1', { uid: 'again', resourceVersion: '20' }));
  });

  test('a pass is over only when it has caught up', async () => {
    const { main, beta, tell, quiet, kind, controller } = await setUp({ objects: [done('1', 'beta', '11')] });
    await tell(main, done('1', 'beta', '12', '1'));
    controller.startPass(kind);
    await quiet();
    expect(kind.hasEvaluated(inV1)).toBe(false);
    await tell(beta, done('1', 'beta', '12', 'beta'));
    expect([kind.hasEvaluated(inV1), kind.hasEvaluated(inBeta)]).toEqual([true, true]);
  });
});

describe('a version that is not served', () => {
  const withGone = done('1', 'beta', '11');
  const object: CachedObject = {
    ...withGone,
    labels: { ...withGone.labels, gone: '9' },
    applied: { labels: ['gone', 'new', 'old'], annotations: [] },
  };

  test('concerns only its policy, whose keys are held and of which nothing is said', async () => {
    const { writer, labels, verdictOf, main, beta, tell } = await setUp({
      programs: [inV1, inBeta, inV9],
      objects: [object],
    });
    await tell(main, { ...object, resourceVersion: '12', body: { spec: { size: '2' } } });
    await tell(beta, { ...object, resourceVersion: '12', body: { spec: { size: 'beta' } } });
    expect([writer.writes, labels()]).toEqual([['w'], { new: '2', old: 'beta', gone: '9' }]);
    expect(verdictOf(inV9)).toEqual({ matched: false, owned: true, pending: false, results: [] });
    const last = main.informer.store.get('default/w');
    if (last !== undefined) await tell(beta, { ...last, body: { spec: { size: 'beta' } } });
  });

  test('lets go of what its policy does not match any more', async () => {
    const { writer, labels, main, beta, tell } = await setUp({ programs: [elsewhere], objects: [object] });
    expect([writer.writes, labels()]).toEqual([['w'], {}]);
    const last = main.informer.store.get('default/w');
    if (last !== undefined) await tell(beta, last);
  });
});

test('a program that reads another version than before has to be evaluated again', async () => {
  const { kind, controller, quiet } = await setUp({ objects: [done('1', 'beta', '11')] });
  controller.startPass(kind);
  await quiet();
  expect([kind.hasEvaluated(inV1), kind.hasEvaluated(inBeta)]).toEqual([true, true]);
  const versions = new Map([
    [inV1, 'v1'],
    [inBeta, 'v1'],
  ]);
  expect(kind.setPrograms([inV1, inBeta], versions)).toBe(true);
  expect(kind.setPrograms([inV1, inBeta], new Map(versions))).toBe(false);
  expect([kind.hasEvaluated(inV1), kind.hasEvaluated(inBeta)]).toEqual([true, false]);
});
