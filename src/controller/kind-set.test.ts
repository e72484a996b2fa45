import { describe, expect, test } from 'vitest';
import { cachedObject } from '../../test/support/cached-object.ts';
import { CONFIG_MAPS, NAMESPACES, programOf } from '../../test/support/compiled-policy.ts';
import { controllerOptions, ScriptedWriter, startInformer } from '../../test/support/kind-stage.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { quietKindSet } from '../../test/support/quiet-kind-set.ts';
import type { KindContext, Program } from '../policy/program.ts';
import type { KindPlan } from '../watchplan/kind-plan.ts';
import { ObjectController } from './object-controller.ts';

const RULES = { mode: 'Audit', rules: [{ name: 'r', require: { labels: [{ key: 'team' }] } }] };
const a = programOf('a', RULES);
const b = programOf('b', RULES);
const NAMES = Array.from({ length: 40 }, (_, i) => `o${i}`);

/** ConfigMaps with their objects, and all that evaluates them. */
async function setUp() {
  const clock = new ManualClock();
  const { informer } = await startInformer(NAMES.map((name) => cachedObject({ name })));
  const evaluated: string[] = [];
  const told = { idle: 0, each: () => {} };
  const objects = new ObjectController(
    controllerOptions({
      clock,
      writer: new ScriptedWriter(),
      verdicts: {
        record: (_kind, { name }) => {
          evaluated.push(name);
          told.each();
        },
        forget: () => {},
        depart: () => undefined,
        forgetKind: () => {},
      },
      onKindIdle: () => {
        told.idle += 1;
      },
      writeWidth: 1,
    }),
  );
  const kinds = quietKindSet({ clock, objects });
  kinds.adopt(planOf([a]), () => informer);
  const [kind] = kinds.of('configmaps');
  if (kind === undefined) throw new Error('ConfigMaps are not looked after');
  const quiet = async (): Promise<void> => {
    for (let i = 0; i < 6; i++) await clock.settle();
  };
  kinds.startPasses();
  await quiet();
  evaluated.length = 0;
  return { kinds, kind, objects, evaluated, told, quiet };
}

function planOf(programs: readonly Program[], context: KindContext = CONFIG_MAPS, namespace?: string): KindPlan {
  const spec = { gvr: context, namespace, representation: { kind: 'Metadata' } } as const;
  return {
    namespace,
    views: [{ context, spec }],
    programs,
    versions: new Map(),
    absent: new Map(),
    owners: new Set(),
  };
}

describe('a re-evaluation', () => {
  test('evaluates every object once more', async () => {
    const { kinds, evaluated, quiet } = await setUp();
    kinds.reevaluate('configmaps');
    await quiet();
    expect(evaluated).toEqual(NAMES);
  });

  test('that falls due more often than a pass takes keeps no pass from its end, and all is evaluated after the last', async () => {
    const { kinds, kind, evaluated, told, quiet } = await setUp();
    let hadEvaluated = Number.POSITIVE_INFINITY;
    told.each = () => {
      if (kind.hasEvaluated(b)) hadEvaluated = Math.min(hadEvaluated, evaluated.length - 1);
      if (evaluated.length % 15 === 0 && evaluated.length <= 150) kinds.reevaluate('configmaps');
    };
    kind.setPrograms([a, b]);
    kinds.startPasses();
    await quiet();
    expect(hadEvaluated).toBe(40);
    expect(new Set(evaluated.slice(150)).size).toBe(40);
    expect(evaluated).toHaveLength(200);
    expect([kind.needsPass, told.idle > 0]).toEqual([false, true]);
  });

  test('makes nobody begin anew who has other reasons to look for kinds that wait', async () => {
    const { kinds, kind, evaluated, told, quiet } = await setUp();
    told.each = () => {
      if (evaluated.length === 15) kinds.reevaluate('configmaps');
      if (evaluated.length === 25) kinds.startPasses();
    };
    kinds.reevaluate('configmaps');
    await quiet();
    expect(evaluated).toEqual([...NAMES, ...NAMES]);
    expect(kind.needsPass).toBe(false);
  });

  test('that falls due before other programs come is made up for by their pass', async () => {
    const { kinds, kind, evaluated, told, quiet } = await setUp();
    told.each = () => {
      if (evaluated.length === 15) kinds.reevaluate('configmaps');
      if (evaluated.length !== 20) return;
      kind.setPrograms([a, b]);
      kinds.startPasses();
    };
    kinds.reevaluate('configmaps');
    await quiet();
    // The object that was being evaluated counts.
    expect(evaluated.slice(19).toSorted()).toEqual(NAMES.toSorted());
    expect(kind.hasEvaluated(b)).toBe(true);
  });

  test('lets be told between two passes that nothing is left to do', async () => {
    const { kinds, evaluated, told, quiet } = await setUp();
    const idle: number[] = [];
    told.each = () => {
      idle.push(told.idle);
      if (evaluated.length === 15) kinds.reevaluate('configmaps');
    };
    kinds.reevaluate('configmaps');
    await quiet();
    const [first = 0] = idle;
    expect([idle[39], idle[40], told.idle]).toEqual([first, first + 1, first + 2]);
  });
});

test('where only some namespaces are watched, a kind is all its watches in them, and Namespaces are one', async () => {
  const { informer } = await startInformer([]);
  const kinds = quietKindSet({ clock: new ManualClock(), namespaces: ['x', 'y'] });
  kinds.adopt(planOf([], NAMESPACES), () => informer);
  for (const namespace of ['x', 'y']) kinds.adopt(planOf([a], CONFIG_MAPS, namespace), () => informer);
  const idsOf = (name: string) => kinds.of(name).map(({ id }) => id);
  expect([idsOf('namespaces'), idsOf('configmaps')]).toEqual([['namespaces'], ['configmaps in x', 'configmaps in y']]);
  kinds.stop();
});
