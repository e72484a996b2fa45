import { describe, expect, test } from 'vitest';
import { cachedObject } from '../../test/support/cached-object.ts';
import { CONFIG_MAPS, programOf } from '../../test/support/compiled-policy.ts';
import { startInformer } from '../../test/support/kind-stage.ts';
import { WatchedKind } from './watched-kind.ts';

const RULES = { rules: [{ name: 'r', set: { labels: [{ key: 'env', value: 'prod' }] } }] };
const a = programOf('a', RULES);
const b = programOf('b', { ...RULES, priority: 5 });
const audit = programOf('c', { ...RULES, mode: 'Audit' });

async function setUp(...names: readonly string[]) {
  const { informer } = await startInformer(names.map((name) => cachedObject({ name })));
  return new WatchedKind(CONFIG_MAPS, informer);
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

  test('are enforced where at least one is', async () => {
    const kind = await setUp();
    kind.setPrograms([audit]);
    expect(kind.enforced).toBe(false);
    kind.setPrograms([audit, a]);
    expect(kind.enforced).toBe(true);
  });
});

describe('a pass', () => {
  test('ends with its last key, whatever else is evaluated meanwhile', async () => {
    const kind = await setUp('x', 'y');
    kind.setPrograms([a]);
    expect([...kind.beginPass()]).toEqual(['default/x', 'default/y']);
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
    kind.beginPass();
    kind.evaluated('default/x');
    kind.setPrograms([a, b]);
    expect(kind.needsPass).toBe(true);
    expect(kind.evaluated('default/y')).toBe(false);
    expect([kind.hasEvaluated(a), kind.hasEvaluated(b)]).toEqual([false, false]);
  });

  test('what was evaluated stays so while a pass for another program runs', async () => {
    const kind = await setUp('x');
    kind.setPrograms([a]);
    kind.beginPass();
    kind.evaluated('default/x');
    kind.setPrograms([a, b]);
    kind.beginPass();
    expect([kind.hasEvaluated(a), kind.hasEvaluated(b)]).toEqual([true, false]);
  });

  test('a program that goes and comes again has to be evaluated again', async () => {
    const kind = await setUp('x');
    kind.setPrograms([a]);
    kind.beginPass();
    kind.evaluated('default/x');
    kind.setPrograms([]);
    kind.setPrograms([a]);
    expect(kind.hasEvaluated(a)).toBe(false);
  });

  test('over no object ends at once', async () => {
    const kind = await setUp();
    kind.setPrograms([a]);
    expect([...kind.beginPass()]).toEqual([]);
    expect(kind.endPassIfDone()).toBe(true);
    expect(kind.hasEvaluated(a)).toBe(true);
  });
});

test('objects with keys of ours are those that lose them when nothing wants them: retained keys do not count', async () => {
  const { informer } = await startInformer([
    cachedObject({ name: 'none' }),
    cachedObject({ name: 'label', applied: { labels: ['x'], annotations: [] } }),
    cachedObject({ name: 'annotation', applied: { labels: [], annotations: ['x'] } }),
    cachedObject({ name: 'retained', retained: { labels: ['x'], annotations: [] } }),
  ]);
  const kind = new WatchedKind(CONFIG_MAPS, informer);
  expect([...kind.withOwnKeys()].map(({ name }) => name)).toEqual(['label', 'annotation']);
});
