import { describe, expect, test } from 'vitest';
import { cachedObject } from '../../test/support/cached-object.ts';
import { CONFIG_MAPS, evaluated, programOf } from '../../test/support/compiled-policy.ts';
import { ContendedObject } from '../../test/support/contended-object.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { ModelObject } from '../../test/support/model-object.ts';
import { silentLog } from '../base/log.ts';
import { ObjectContentionGuard } from './contention-guard.ts';

const set = (key: string, value: string) => ({ name: key, set: { labels: [{ key, value }] } });
const MINUTE = 60_000;
const team = programOf('team', { rules: [set('team', 'blue')] });
const PROGRAMS = [team];
const both = programOf('both', { rules: [set('team', 'blue'), set('tier', 'web')] });

const gitops = (model: ModelObject) => model.updatedBy('gitops', 'labels', 'team', 'red');
const gitopsOwns = () => [
  { manager: 'watchkeeper', keys: { labels: ['team', 'tier'], annotations: [] } },
  { manager: 'gitops', keys: { labels: ['team'], annotations: [] } },
  { manager: 'kubectl', keys: { labels: ['other'], annotations: [] } },
];

function fought(programs = [both], owners = gitopsOwns): ContendedObject {
  const on = new ContendedObject({ programs, owners });
  on.react = gitops;
  on.settle();
  return on;
}

describe('a key that another manager changes back', () => {
  test('is written four times, then left to it, while other keys of the object go on', async () => {
    const on = fought();
    expect(on.writes).toHaveLength(4);
    expect(on.labels).toEqual({ team: 'red', tier: 'web' });
    on.react = (model) => model;
    on.model = on.model.updatedBy('kubectl', 'labels', 'tier', 'db');
    on.settle();
    expect(on.writes).toHaveLength(5);
    expect(on.labels).toEqual({ team: 'red', tier: 'web' });
    // What the other manager does with it meanwhile is none of our business.
    on.model = on.model.updatedBy('gitops', 'labels', 'team', 'green');
    on.settle();
    expect(on.writes).toHaveLength(5);
  });

  test('is reported with the manager, who is looked up once', async () => {
    const on = fought();
    await on.clock.advance(10_000);
    expect(on.reports).toEqual({
      both: [
        "Contended: label 'team' is left alone for a while, then tried again: manager 'gitops' changed it back more than 3 times within a minute",
      ],
    });
    await on.clock.advance(30 * MINUTE);
    expect(on.reads).toBe(1);
  });

  test('who cannot be looked up at first is when it has changed the key back once more', async () => {
    let fails = true;
    const on = fought([both], () => {
      if (fails) throw new Error('away');
      return gitopsOwns();
    });
    await on.clock.advance(10_000);
    expect(on.reports['both']).toEqual([expect.stringContaining('another manager')]);
    fails = false;
    await on.clock.advance(2 * MINUTE);
    expect(on.reports['both']).toEqual([expect.stringContaining("manager 'gitops'")]);
  });

  test('is tried once after a minute, then after two, four, ... and at most an hour', async () => {
    const on = fought();
    on.writes.length = 0;
    await on.clock.advance(400 * MINUTE);
    const gaps = on.writes.map((at, i) => Math.round((at - (on.writes[i - 1] ?? 0)) / MINUTE));
    expect(gaps).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60]);
  });

  test('is written again when the other has stopped, and quiet 15 s later', async () => {
    const on = fought();
    on.react = (model) => model;
    await on.clock.advance(MINUTE - 1);
    expect(on.labels['team']).toBe('red');
    await on.clock.advance(1);
    expect(on.labels['team']).toBe('blue');
    expect(on.reports['both']).toHaveLength(1);
    await on.clock.advance(15_000);
    expect(on.reports['both']).toEqual([]);
    expect(on.enqueued.slice(-2)).toEqual([MINUTE, MINUTE + 15_000]);
    await on.clock.advance(10 * MINUTE);
    expect([on.guard.size, on.clock.pending, on.writes.length]).toEqual([0, 0, 5]);
  });

  test('that is changed back soon after it came to rest is left alone at once, and for longer', async () => {
    const on = fought();
    on.react = (model) => model;
    await on.clock.advance(MINUTE + 20_000);
    expect(on.reports['both']).toEqual([]);
    on.model = gitops(on.model);
    on.settle();
    expect(on.labels['team']).toBe('red');
    await on.clock.advance(2 * MINUTE - 1);
    expect(on.labels['team']).toBe('red');
    await on.clock.advance(1);
    expect(on.labels['team']).toBe('blue');
  });

  test('counts also when it is removed, by whom nobody can tell', async () => {
    const on = new ContendedObject({ programs: [team] });
    on.react = (model) => model.applied('watchkeeper', { labels: new Map(), annotations: new Map() });
    on.settle();
    await on.clock.advance(5_000);
    expect([on.writes.length, on.labels]).toEqual([4, {}]);
    expect(on.reports['team']).toEqual([expect.stringContaining('another manager changed it back')]);
  });

  test('counts also when it is one that we remove and somebody brings back', async () => {
    const clean = { name: 'clean', remove: { labels: ['legacy/*'] } };
    const object = new ModelObject().updatedBy('helm', 'labels', 'legacy/a', '1');
    const on = new ContendedObject({ programs: [programOf('clean', { rules: [clean] })], object });
    on.react = (model) => model.updatedBy('helm', 'labels', 'legacy/a', '1');
    on.settle();
    expect([on.writes.length, on.labels]).toEqual([4, { 'legacy/a': '1' }]);
    expect(on.reports['clean']).toEqual([expect.stringMatching(/^Contended: label 'legacy\/a' is left alone/)]);
    // Another key that fits is none of it.
    on.model = on.model.updatedBy('kubectl', 'labels', 'legacy/b', '1');
    on.settle();
    expect(on.labels).toEqual({ 'legacy/a': '1' });
    on.react = (model) => model;
    await on.clock.advance(2 * MINUTE);
    expect([on.labels, on.reports]).toEqual([{}, { clean: [] }]);
  });

  test('counts also when it is an annotation, whose value is not told', async () => {
    const note = { name: 'note', set: { annotations: [{ key: 'note', value: 'secret' }] } };
    const on = new ContendedObject({ programs: [programOf('note', { rules: [note] })] });
    on.react = (model) => model.updatedBy('gitops', 'annotations', 'note', 'theirs');
    on.settle();
    expect(on.writes).toHaveLength(4);
    expect(on.reports['note']?.[0]).toMatch(/^Contended: annotation 'note'/);
    expect(JSON.stringify(on.reports)).not.toMatch(/secret|theirs/);
  });

  test('three times a minute is drift, however long', async () => {
    const on = new ContendedObject({ programs: [team] });
    on.settle();
    for (let i = 0; i < 30; i++) {
      on.model = gitops(on.model);
      on.settle();
      await on.clock.advance(20_000);
    }
    expect([on.writes.length, on.labels, on.reports]).toEqual([31, { team: 'blue' }, { team: [] }]);
  });

  test('is fought for again at once when its policy changes, and left when that is of no use', () => {
    const on = fought([team]);
    on.programs = [programOf('team', { rules: [set('team', 'blue'), set('tier', 'web')] })];
    on.settle();
    expect(on.labels).toEqual({ team: 'red', tier: 'web' });
    expect(on.writes.length).toBeLessThanOrEqual(8);
    on.react = (model) => model;
    on.programs = [programOf('team', { rules: [set('team', 'green')] })];
    on.settle();
    expect(on.labels).toEqual({ team: 'green' });
  });

  test('is another one on an object that was made again', () => {
    const on = fought([team]);
    on.react = (model) => model;
    on.model = new ModelObject(undefined, { uid: 'another' });
    on.settle();
    expect(on.labels).toEqual({ team: 'blue' });
  });

  test('a judging rule sees what really stands there', () => {
    const require = { name: 'r', require: { labels: [{ key: 'team', values: ['blue'] }] } };
    const on = fought([team, programOf('require', { rules: [require] })]);
    expect(on.reports['require']).toEqual([expect.stringMatching(/^RequiredValueWrong: /)]);
  });

  test('is none where we want another value by then: nobody has changed that back', async () => {
    const rule = { name: 'cost', set: { labels: [{ key: 'cost', valueFrom: { namespaceLabel: 'cost' } }] } };
    const on = new ContendedObject({ programs: [programOf('cost', { rules: [rule] })] });
    for (let i = 0; i < 8; i++) {
      on.model = on.model.updatedBy('kubectl', 'labels', 'cost', 'mine');
      on.namespaceLabels = { cost: `c${i}` };
      on.settle();
    }
    expect([on.labels, on.reports]).toEqual([{ cost: 'c7' }, { cost: [] }]);
  });
});

describe('many objects at once', () => {
  test('cost four writes each and one timer, and their manager is looked up for twenty of them', async () => {
    const clock = new ManualClock();
    let reads = 0;
    let writes = 0;
    const guard = new ObjectContentionGuard({
      kind: CONFIG_MAPS,
      clock,
      log: silentLog,
      enqueue: () => {},
      readOwners: async () => {
        reads += 1;
        return { uid: 'unknown', owners: [] };
      },
    });
    const write = (i: number): void => {
      const red = cachedObject({ name: `o${i}`, labels: { team: 'red' } });
      const { desired, winners } = evaluated(red, [team]);
      if (desired === undefined) throw new Error('nothing is wanted');
      const at = { key: `default/o${i}`, object: red, programs: PROGRAMS, inputs: [] };
      if (guard.standing(at) !== undefined || !guard.admits({ ...at, desired, winners })) return;
      writes += 1;
      const blue = { ...red, labels: { team: 'blue' }, applied: { labels: ['team'], annotations: [] } };
      guard.wrote({ ...at, desired, winners }, blue);
    };
    for (let round = 0; round < 8; round++) for (let i = 0; i < 2_000; i++) write(i);
    expect([writes, guard.size, clock.pending]).toEqual([8_000, 4_000, 2]);
    await clock.advance(55_000);
    expect(reads).toBe(20);
    await clock.advance(10 * MINUTE);
    expect([guard.size, clock.pending]).toEqual([0, 0]);
  });
});

describe('a key that does not come to rest', () => {
  test('because what it depends on changes all the time is left alone after 20 writes', async () => {
    const rule = { name: 'cost', set: { labels: [{ key: 'cost', valueFrom: { namespaceLabel: 'cost' } }] } };
    const on = new ContendedObject({ programs: [programOf('cost', { rules: [rule] })] });
    for (let i = 0; i < 100; i++) {
      on.namespaceLabels = { cost: `c${i}` };
      on.settle();
      await on.clock.advance(100);
    }
    expect(on.writes.length).toBeLessThanOrEqual(21);
    expect(on.reports['cost']).toEqual([expect.stringContaining('more than 20 times within a minute')]);
    await on.clock.advance(MINUTE);
    expect(on.labels).toEqual({ cost: 'c99' });
  });

  test('because it is wanted and not wanted in turn likewise stays as it is', async () => {
    const match = {
      resources: [{ group: '', resource: 'configmaps' }],
      namespaceSelector: { matchLabels: { env: 'prod' } },
    };
    const on = new ContendedObject({ programs: [programOf('p', { match, rules: [set('x', '1')] })] });
    for (let i = 0; i < 100; i++) {
      on.namespaceLabels = { env: i % 2 === 0 ? 'prod' : 'dev' };
      on.settle();
      await on.clock.advance(100);
    }
    expect(on.writes.length).toBeLessThanOrEqual(21);
    expect(on.reports['p']).toHaveLength(1);
    await on.clock.advance(2 * MINUTE);
    expect([on.labels, on.reports]).toEqual([{}, { p: [] }]);
  });
});

const present = (key: string) => ({
  resources: [{ group: '', resource: 'configmaps' }],
  objectSelector: { matchExpressions: [{ key, operator: 'Exists' }] },
});
const absent = (key: string) => ({
  resources: [{ group: '', resource: 'configmaps' }],
  objectSelector: { matchExpressions: [{ key, operator: 'DoesNotExist' }] },
});
const CYCLE = [
  programOf('a', { match: absent('y'), rules: [set('x', '1')] }),
  programOf('b', {
    match: present('x'),
    exclude: [{ objectSelector: { matchLabels: { skip: 'true' } } }],
    rules: [set('y', '1')],
  }),
];

describe('policies that undo each other', () => {
  test('are stopped after little more than one round, and both say so with the keys', async () => {
    const on = new ContendedObject({ programs: CYCLE });
    on.settle();
    expect(on.writes).toHaveLength(5);
    const message =
      "SelfOscillation: policies 'a' and 'b' undo each other's writes of label 'x' and label 'y' without end; nothing is written here until a policy or the object changes";
    expect(on.reports).toEqual({ a: [message], b: [message] });
    const count = on.writes.length;
    await on.clock.advance(60 * MINUTE);
    on.settle();
    expect(on.writes).toHaveLength(count);
    expect(on.clock.pending).toBe(0);
  });

  test('three in a ring likewise', () => {
    const ring = [
      programOf('a', { match: absent('z'), rules: [set('x', '1')] }),
      programOf('b', { match: present('x'), rules: [set('y', '1')] }),
      programOf('c', { match: present('y'), rules: [set('z', '1')] }),
    ];
    const on = new ContendedObject({ programs: ring });
    on.settle();
    expect(on.writes.length).toBeLessThanOrEqual(8);
    expect(Object.values(on.reports).map((results) => results.length)).toEqual([1, 1, 1]);
  });

  test('heal at once when one of them is deleted', () => {
    const on = new ContendedObject({ programs: CYCLE });
    on.settle();
    on.programs = CYCLE.slice(0, 1);
    on.settle();
    expect([on.labels, on.reports]).toEqual([{ x: '1' }, { a: [] }]);
  });

  test('are tried again when somebody changes the object: at once the first time, then after a minute', async () => {
    const on = new ContendedObject({ programs: CYCLE });
    on.settle();
    const stopped = on.writes.length;
    on.model = on.model.updatedBy('kubectl', 'labels', 'other', '1');
    on.settle();
    const again = on.writes.length;
    expect(again).toBeGreaterThan(stopped);
    on.model = on.model.updatedBy('kubectl', 'labels', 'other', '2');
    on.settle();
    await on.clock.advance(MINUTE - 1);
    expect(on.writes).toHaveLength(again);
    await on.clock.advance(1);
    expect(on.writes.length).toBeGreaterThan(again);
    expect(on.reports['a']).toHaveLength(1);
  });

  test('heal at once when one of them is deleted, also when the object has been tried in vain before', () => {
    const on = new ContendedObject({ programs: CYCLE });
    for (const other of ['1', '2']) {
      on.model = on.model.updatedBy('kubectl', 'labels', 'other', other);
      on.settle();
    }
    on.programs = CYCLE.slice(0, 1);
    on.settle();
    expect([on.labels, on.reports]).toEqual([{ x: '1', other: '2' }, { a: [] }]);
  });

  test('are found also when their round is long', () => {
    // Each sets its key while the next one's is there, and the last while the first one's is not.
    const keys = Array.from({ length: 12 }, (_, i) => `k${i}`);
    const ring = keys.map((key, i) =>
      programOf(key, { match: i === 0 ? absent('k11') : present(`k${i - 1}`), rules: [set(key, '1')] }),
    );
    const on = new ContendedObject({ programs: ring });
    on.settle();
    expect(on.writes.length).toBeLessThan(100);
    expect(Object.values(on.reports).flat()).toHaveLength(12);
  });

  test('come to rest when a user ends what makes them', () => {
    const on = new ContendedObject({ programs: CYCLE });
    on.settle();
    on.model = on.model.updatedBy('kubectl', 'labels', 'skip', 'true');
    on.settle();
    expect(on.labels).toEqual({ x: '1', skip: 'true' });
    expect(on.reports).toEqual({ a: [], b: [] });
  });

  test('are not what a user does who edits policies quickly, or turns a label of the Namespace on and off', async () => {
    const selected = programOf('selected', {
      match: {
        resources: [{ group: '', resource: 'configmaps' }],
        namespaceSelector: { matchLabels: { env: 'prod' } },
      },
      rules: [set('x', '1')],
    });
    const on = new ContendedObject({ programs: [selected] });
    for (const env of ['prod', 'dev', 'prod', 'dev', 'prod', 'dev', 'prod']) {
      on.namespaceLabels = { env };
      on.settle();
      expect(on.labels).toEqual(env === 'prod' ? { x: '1' } : {});
      await on.clock.advance(100);
    }
    // Each key is written as often as it may be.
    await on.clock.advance(MINUTE);
    const off = programOf('off', { rules: [set('w', '1')] });
    for (const program of Array.from({ length: 16 }, (_, i) => (i % 2 === 0 ? off : selected))) {
      on.programs = [program];
      on.settle();
      expect(on.labels).toEqual(program === off ? { w: '1' } : { x: '1' });
      await on.clock.advance(100);
    }
    expect([on.labels, on.reports]).toEqual([{ x: '1' }, { selected: [] }]);
  });

  test('are not what a user does who turns a label of the object on and off', async () => {
    const on = new ContendedObject({ programs: [programOf('p', { match: present('on'), rules: [set('x', '1')] })] });
    for (let i = 0; i < 8; i++) {
      on.model = on.model.updatedBy('kubectl', 'labels', 'on', '1');
      on.settle();
      on.model = on.model.applied('kubectl', { labels: new Map(), annotations: new Map() });
      on.settle();
      await on.clock.advance(100);
    }
    expect([on.writes.length, on.labels, on.reports]).toEqual([16, {}, { p: [] }]);
  });
});
