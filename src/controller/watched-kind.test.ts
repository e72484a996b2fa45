import { describe, expect, test, vi } from 'vitest';
import { cachedObject } from '../../test/support/cached-object.ts';
import { CONFIG_MAPS, programOf } from '../../test/support/compiled-policy.ts';
import { startInformer } from '../../test/support/kind-stage.ts';
import { NO_KEYS, type ObjectKey } from '../api/object.ts';
import type { ObjectIndex } from '../informer/store-index.ts';
import { keyProtection } from '../policy/key-protection.ts';
import type { KeySource } from './pass.ts';
import { WatchedKind } from './watched-kind.ts';

const RULES = { rules: [{ name: 'r', set: { labels: [{ key: 'env', value: 'prod' }] } }] };
const a = programOf('a', RULES);
const b = programOf('b', { ...RULES, priority: 5 });
const audit = programOf('c', { ...RULES, mode: 'Audit' });

async function setUp(...names: readonly string[]) {
  const { informer } = await startInformer(names.map((name) => cachedObject({ name })));
  return new WatchedKind(CONFIG_MAPS, informer);
}

function drawn(keys: KeySource): readonly ObjectKey[] {
  const all: ObjectKey[] = [];
  for (let key = keys.draw(); key !== undefined; key = keys.draw()) all.push(key);
  return all;
}

describe('programs', () => {
  test('stand in order of precedence; the same ones again are no change', async () => {
    const kind = await setUp();
    expect(kind.setPrograms([a, b])).toBe(true);
    const { programs } = kind;
    expect(programs.map(({ policy }) => policy)).toEqual(['b', 'a']);
    expect(kind.setPrograms([b, a])).toBe(false);
    expect(kind.programs).toBe(programs);
    expect(kind.setPrograms([b])).toBe(true);
  });

  test('write its objects where one that does is enforced', async () => {
    const kind = await setUp();
    const judges = programOf('d', { rules: [{ name: 'r', require: { labels: [{ key: 'env' }] } }] });
    kind.setPrograms([audit, judges]);
    expect(kind.isWritten).toBe(false);
    kind.setPrograms([audit, judges, a]);
    expect(kind.isWritten).toBe(true);
  });
});

describe('a pass', () => {
  test('ends with its last key, whatever else is evaluated meanwhile', async () => {
    const kind = await setUp('x', 'y');
    kind.setPrograms([a]);
    expect(drawn(kind.beginPass())).toEqual(['default/x', 'default/y']);
    expect(kind.evaluated('default/x')).toBe(false);
    expect(kind.evaluated('default/z')).toBe(false);
    expect(kind.evaluated('default/x')).toBe(false);
    expect([kind.needsPass, kind.hasEvaluated(a)]).toEqual([false, false]);
    expect(kind.evaluated('default/y')).toBe(true);
    expect(kind.hasEvaluated(a)).toBe(true);
    expect(kind.evaluated('default/y')).toBe(false);
  });

  test('of earlier programs says nothing about those that came meanwhile: one more is needed', async () => {
    const kind = await setUp('x', 'y');
    kind.setPrograms([a]);
    drawn(kind.beginPass());
    kind.evaluated('default/x');
    kind.setPrograms([a, b]);
    expect(kind.needsPass).toBe(true);
    expect(kind.evaluated('default/y')).toBe(false);
    expect([kind.hasEvaluated(a), kind.hasEvaluated(b)]).toEqual([false, false]);
  });

  test('what was evaluated stays so while a pass for another program runs', async () => {
    const kind = await setUp('x');
    kind.setPrograms([a]);
    drawn(kind.beginPass());
    kind.evaluated('default/x');
    kind.setPrograms([a, b]);
    drawn(kind.beginPass());
    expect([kind.hasEvaluated(a), kind.hasEvaluated(b)]).toEqual([true, false]);
  });

  test('a program that goes and comes again has to be evaluated again', async () => {
    const kind = await setUp('x');
    kind.setPrograms([a]);
    drawn(kind.beginPass());
    kind.evaluated('default/x');
    kind.setPrograms([]);
    kind.setPrograms([a]);
    expect(kind.hasEvaluated(a)).toBe(false);
  });

  test('that is under way goes on when another is due, and tells of it at its end', async () => {
    const kind = await setUp('x', 'y');
    kind.setPrograms([a]);
    expect(kind.fallsDue()).toBe(true);
    drawn(kind.beginPass());
    kind.evaluated('default/x');
    expect([kind.fallsDue(), kind.fallsDue(), kind.needsPass]).toEqual([false, false, false]);
    expect([kind.evaluated('default/y'), kind.needsPass, kind.hasEvaluated(a)]).toEqual([true, true, true]);
    expect(drawn(kind.beginPass())).toEqual(['default/x', 'default/y']);
    kind.evaluated('default/x');
    expect([kind.evaluated('default/y'), kind.needsPass]).toEqual([true, false]);
    expect(kind.fallsDue()).toBe(true);
  });

  test('that says nothing of what is wanted now is not waited for, nor is one that is to be made up for', async () => {
    const kind = await setUp('x', 'y');
    kind.setPrograms([a]);
    drawn(kind.beginPass());
    kind.setPrograms([a, b]);
    expect(kind.fallsDue()).toBe(true);
    drawn(kind.beginPass());
    kind.needsPass = true;
    expect(kind.fallsDue()).toBe(true);
    drawn(kind.beginPass());
    kind.listed();
    expect(kind.fallsDue()).toBe(true);
    drawn(kind.beginPass());
    expect(kind.fallsDue()).toBe(false);
    kind.beginAnew();
    expect(kind.fallsDue()).toBe(true);
  });

  test('over no object ends at once', async () => {
    const kind = await setUp();
    kind.setPrograms([a]);
    expect(drawn(kind.beginPass())).toEqual([]);
    expect(kind.endPassIfDone()).toBe(true);
    expect(kind.hasEvaluated(a)).toBe(true);
  });
});

describe('keys of ours that go when nothing wants them', () => {
  const keys = { labels: ['x'], annotations: [] };
  const protection = keyProtection(['topology.kubernetes.io/*']);

  test.each([
    ['a label', { applied: keys }, true],
    ['an annotation', { applied: { labels: [], annotations: ['x'] } }, true],
    ['a label that no policy may write', { applied: { ...keys, labels: ['istio-injection'] } }, false],
    ['one that the owner allows', { applied: { ...keys, labels: ['topology.kubernetes.io/zone'] } }, true],
    ['a retained label', { retained: keys }, false],
    ['none', {}, false],
  ])('%s', async (_, fields, expected) => {
    const { informer } = await startInformer([
      cachedObject({ name: 'other' }),
      cachedObject({ name: 'one', ...fields }),
    ]);
    expect(new WatchedKind(CONFIG_MAPS, informer).hasOwnKeys(protection)).toBe(expected);
  });

  test('are known as they come and go', async () => {
    const owned = cachedObject({ name: 'one', applied: keys, resourceVersion: '5' });
    const { informer, watch } = await startInformer([owned]);
    const kind = new WatchedKind(CONFIG_MAPS, informer);
    const seen = [kind.hasOwnKeys(protection)];
    for (const object of [
      cachedObject({ ...owned, applied: NO_KEYS, resourceVersion: '6' }),
      { ...owned, resourceVersion: '7' },
    ]) {
      watch.send({ type: 'MODIFIED', object });
      seen.push(kind.hasOwnKeys(protection));
    }
    watch.send({ type: 'DELETED', object: { ...owned, resourceVersion: '8' } });
    expect([...seen, kind.hasOwnKeys(protection)]).toEqual([true, false, true, false]);
  });

  test('cost nothing once policies write the kind again, or nobody looks after it', async () => {
    const { informer } = await startInformer([cachedObject({ name: 'one', applied: keys })]);
    const kind = new WatchedKind(CONFIG_MAPS, informer);
    const { store } = informer;
    const made: ObjectIndex[] = [];
    const index = store.index.bind(store);
    vi.spyOn(store, 'index').mockImplementation((by) => {
      made.push(index(by));
      return made.at(-1) ?? index(by);
    });
    expect([kind.hasOwnKeys(protection), kind.hasOwnKeys(protection), made.length]).toEqual([true, true, 1]);
    kind.setPrograms([audit]);
    expect([kind.hasOwnKeys(protection), made.length]).toEqual([true, 1]);
    kind.setPrograms([a]);
    kind.setPrograms([audit]);
    expect([kind.hasOwnKeys(protection), made.length]).toEqual([true, 2]);
    kind.end();
    expect(made.map((one) => [...one.get('owned')])).toEqual([[], []]);
  });
});
