import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { cachedObject } from '../../test/support/cached-object.ts';
import { CONFIG_MAPS, programOf as compiledPolicy, enforcing } from '../../test/support/compiled-policy.ts';
import { ModelObject } from '../../test/support/model-object.ts';
import { written } from '../../test/support/settled.ts';
import { MANAGER, RETAINED_MANAGER } from '../api/object.ts';
import { compilePolicy } from '../policy/compile.ts';
import type { Desired } from '../policy/desired.ts';
import { byPrecedence, evaluate } from '../policy/evaluate.ts';
import { KeyPatterns } from '../policy/key-patterns.ts';
import type { Channel, Program } from '../policy/program.ts';
import { nextWrite, type WriteStep } from './plan-write.ts';

// ---- Random policies and objects -----------------------------------------------------------------------------------

const WRITTEN = ['k0', 'k1', 'k2'];
/** Written by nobody but users, so that one policy's writes are not another one's input. */
const FOREIGN = ['s0', 's1'];
const key = fc.constantFrom(...WRITTEN);
const value = fc.constantFrom('v0', 'v1', 'v2');
const channel = fc.constantFrom<Channel>('labels', 'annotations');

const source = fc.oneof(
  { weight: 4, arbitrary: value.map((literal) => ({ value: literal })) },
  { weight: 2, arbitrary: fc.constant({ valueFrom: { namespaceLabel: 'team' } }) },
  { weight: 2, arbitrary: fc.constant({ valueFrom: { jsonPath: '$.metadata.labels.s0' } }) },
  { weight: 1, arbitrary: fc.constant({ valueFrom: { jsonPath: '$.metadata.labels.s1' }, fallback: 'v2' }) },
  // Not representable: the rule has an error.
  { weight: 1, arbitrary: fc.constant({ valueFrom: { jsonPath: '$.metadata.labels' } }) },
);

const wantedKeys = fc
  .record({
    action: fc.constantFrom('set', 'default'),
    channel,
    keys: fc.uniqueArray(fc.tuple(key, source), { minLength: 1, maxLength: 3, selector: ([name]) => name }),
  })
  .map(({ action, channel: where, keys }) => ({
    action,
    [action]: { [where]: keys.map(([name, from]) => ({ key: name, ...from })) },
  }));

const globs = fc.constantFrom(['k*'], ['k0'], ['k1', 'k2'], ['*1']);
const copied = fc
  .record({ channel, globs, except: fc.constantFrom([], ['k1']), overwrite: fc.constantFrom('Always', 'IfAbsent') })
  .map(({ channel: where, globs: labels, ...rest }) => ({
    action: 'copy',
    copy: { from: 'Namespace', [where]: labels, ...rest },
  }));
const renamed = fc
  .record({ channel, from: key, to: key })
  .filter(({ from, to }) => from !== to)
  .map(({ channel: where, from, to }) => ({ action: 'rename', rename: { [where]: [{ from, to }] } }));
const removed = fc
  .record({ channel, globs })
  .map(({ channel: where, globs: keys }) => ({ action: 'remove', remove: { [where]: keys } }));

const rule = fc.oneof({ weight: 4, arbitrary: wantedKeys }, copied, renamed, removed);

/** Of a key that policies write, mostly its absence: a policy that asks for its own key is refused. */
const expression = fc.oneof(
  fc.record({ key: fc.constantFrom(...FOREIGN), operator: fc.constantFrom('Exists', 'DoesNotExist') }),
  fc.record({ key: fc.constantFrom(...FOREIGN), operator: fc.constantFrom('In', 'NotIn'), values: fc.tuple(value) }),
  fc.record({ key, operator: fc.constantFrom('DoesNotExist', 'DoesNotExist', 'Exists') }),
  fc.record({ key, operator: fc.constantFrom('NotIn', 'NotIn', 'In'), values: fc.tuple(value) }),
);
const terms = fc.record(
  {
    objectSelector: fc.record({ matchExpressions: fc.array(expression, { minLength: 1, maxLength: 2 }) }),
    namespaceSelector: fc.record({ matchLabels: fc.constantFrom({ team: 'v0' }, { team: 'v1' }) }),
  },
  { requiredKeys: [] },
);

const policy = fc.record({
  mode: fc.constantFrom('Enforce', 'Enforce', 'Enforce', 'Audit', 'Suspended'),
  priority: fc.integer({ min: -1, max: 1 }),
  removalPolicy: fc.constantFrom('Remove', 'Remove', 'Retain'),
  match: fc.oneof({ weight: 3, arbitrary: fc.constant({}) }, { weight: 2, arbitrary: terms }),
  exclude: fc.oneof(
    { weight: 3, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.tuple(terms.filter((entry) => Object.keys(entry).length > 0)) },
  ),
  rules: fc.array(rule, { minLength: 1, maxLength: 3 }),
});

type PolicyFields = typeof policy extends fc.Arbitrary<infer Fields> ? Fields : never;

interface Compiled {
  readonly program: Program;
  /** Keys of labels that it reads. */
  readonly reads: readonly string[];
}

/** Undefined for a policy that is refused, and for one that reads keys that it does not write. */
function compiledOf(fields: PolicyFields, i: number): Compiled | undefined {
  const match = { resources: [{ group: '', resource: 'configmaps' }], ...fields.match };
  const rules = fields.rules.map(({ action, ...rest }, j) => ({ name: `${action}-${j}`, ...rest }));
  const spec = enforcing({ ...fields, match, rules });
  const result = compilePolicy({ name: `p${i}`, uid: `u${i}`, generation: 1, spec });
  if (!result.ok) return undefined;
  const read = JSON.stringify([match, fields.exclude, rules]).matchAll(/"key":"(k\d)","operator"|labels\.(k\d)/g);
  const { program } = result;
  const reads = [...read].map(([, selected, sourced]) => selected ?? sourced ?? '');
  return reads.every((name) => program.writes.fits('labels', name)) ? { program, reads } : undefined;
}

/** Without those that read what another decides: such policies can undo each other without end, and are stopped for it. */
function withoutCycles(all: readonly Compiled[]): readonly Program[] {
  const decides = ({ program: { rules } }: Compiled, name: string) =>
    rules.some(({ writes }) => writes.some((write) => write.decides.fits('labels', name)));
  const isIndependent = (one: Compiled) =>
    !all.some((other) => other !== one && one.reads.some((name) => decides(other, name)));
  return all.filter(isIndependent).map(({ program }) => program);
}

const managers = fc.constantFrom('kubectl', 'helm', MANAGER, MANAGER, RETAINED_MANAGER);
const objectOf = (owners: fc.Arbitrary<string>) =>
  fc
    .record({
      controlled: fc.boolean(),
      history: fc.array(fc.tuple(owners, channel, fc.constantFrom(...WRITTEN, ...FOREIGN, 'other'), value), {
        maxLength: 8,
      }),
    })
    .map(({ controlled, history }) =>
      history.reduce(
        (model, [manager, where, name, text]) =>
          // Nobody but users writes these.
          model.updatedBy(FOREIGN.includes(name) ? 'kubectl' : manager, where, name, text),
        new ModelObject({ labels: new Map(), annotations: new Map() }, { controlled }),
      ),
    );

const world = fc.record({
  object: objectOf(managers),
  programs: fc
    .array(policy, { minLength: 2, maxLength: 6 })
    .map((policies) =>
      withoutCycles(policies.map(compiledOf).filter((compiled) => compiled !== undefined)).toSorted(byPrecedence),
    ),
  held: fc.dictionary(
    fc.constantFrom('gone', 'p0'),
    fc.record({ labels: fc.subarray(WRITTEN), annotations: fc.subarray(WRITTEN) }),
    {
      noNullPrototype: true,
    },
  ),
  /** Of the Namespace. */
  namespace: fc.record({
    labels: fc.dictionary(fc.constantFrom('team', ...WRITTEN), value, { noNullPrototype: true }),
    annotations: fc.dictionary(fc.constantFrom(...WRITTEN), value, { noNullPrototype: true }),
  }),
});
type World = typeof world extends fc.Arbitrary<infer W> ? W : never;

// ---- The loop of the operator --------------------------------------------------------------------------------------

function evaluateIn({ programs, held, namespace: maps }: Omit<World, 'object'>, model: ModelObject) {
  const namespace = cachedObject({ name: 'default', namespace: '', ...maps });
  return evaluate({
    object: model.cached,
    kind: CONFIG_MAPS,
    programs,
    held: new Map(Object.entries(held).map(([name, keys]) => [name, new KeyPatterns(keys)])),
    namespaceOf: () => namespace,
  });
}

interface Turn {
  readonly before: ModelObject;
  readonly desired: Desired;
  readonly step: WriteStep;
  readonly after: ModelObject;
}

/** Evaluates and writes until nothing differs, each time from what the server answered. */
function settle(given: World): { readonly turns: readonly Turn[]; readonly end: ModelObject } {
  const turns: Turn[] = [];
  let model = given.object;
  while (turns.length < 20) {
    const { desired } = evaluateIn(given, model);
    const step = desired === undefined ? undefined : nextWrite(model.cached, desired);
    if (desired === undefined || step === undefined) return { turns, end: model };
    const after = written(model, step);
    turns.push({ before: model, desired, step, after });
    model = after;
  }
  throw new Error('writes without end');
}

const wantedIn = ({ applied, retained }: Desired, where: Channel, name: string) =>
  applied[where].get(name) ?? retained[where].get(name);

const CHANNELS: readonly Channel[] = ['labels', 'annotations'];

function isOurs({ owners }: { readonly owners: ReadonlySet<string> }): boolean {
  return owners.has(MANAGER) || owners.has(RETAINED_MANAGER);
}

/** Random worlds, in each of which `breaches` finds nothing; it names what it finds. */
function holds(breaches: (given: World) => readonly string[]): void {
  fc.assert(
    fc.property(world, (given) => {
      expect(breaches(given)).toEqual([]);
    }),
    { numRuns: 500 },
  );
}

// ---- Promises ------------------------------------------------------------------------------------------------------

test('writes come to an end, and after them a second look wants the same', () => {
  expect.hasAssertions();
  holds((given) => {
    const { end } = settle(given);
    const { desired } = evaluateIn(given, end);
    return desired !== undefined && nextWrite(end.cached, desired) !== undefined ? ['wants another write'] : [];
  });
});

test('no more than four writes bring an object to what is desired', () => {
  expect.hasAssertions();
  holds((given) => {
    const { desired } = evaluateIn(given, given.object);
    let model = given.object;
    for (let steps = 0; steps <= 4; steps++) {
      const step = desired === undefined ? undefined : nextWrite(model.cached, desired);
      if (step === undefined) return [];
      model = written(model, step);
    }
    return ['a fifth write'];
  });
});

test('in the end the object carries what is desired, and nothing else of ours', () => {
  expect.hasAssertions();
  holds((given) => {
    const { end } = settle(given);
    const { desired } = evaluateIn(given, end);
    return [...end.keys()].flatMap(([where, name, state]) => {
      const wanted = desired && wantedIn(desired, where, name);
      const right = isOurs(state) ? state.value === wanted : wanted === undefined;
      return right ? [] : [`${where} ${name}=${state.value}, wanted ${wanted}`];
    });
  });
});

test('a key that is wanted and there is there after each write', () => {
  expect.hasAssertions();
  holds((given) =>
    settle(given).turns.flatMap(({ before, desired, after }) =>
      [...before.keys()].flatMap(([where, name]) =>
        wantedIn(desired, where, name) === undefined || after.get(where, name) !== undefined
          ? []
          : [`${where} ${name}`],
      ),
    ),
  );
});

test("somebody else's key that no policy wants is never touched", () => {
  expect.hasAssertions();
  holds((given) => {
    const { end } = settle(given);
    return [...given.object.keys()].flatMap(([where, name, state]) => {
      const { programs } = given;
      const decided = programs.some(({ rules }) =>
        rules.some(({ writes }) => writes.some(({ decides }) => decides.fits(where, name))),
      );
      if (isOurs(state) || decided) return [];
      return isDeepStrictEqual(end.get(where, name), state) ? [] : [`${where} ${name}`];
    });
  });
});

test('whoever else owns a key keeps it when we let go', () => {
  expect.hasAssertions();
  holds((given) =>
    settle(given).turns.flatMap(({ before, desired, after }) =>
      [...before.keys()].flatMap(([where, name, { value: text, owners }]) => {
        const shared = [...owners].some((owner) => owner !== MANAGER && owner !== RETAINED_MANAGER);
        if (!shared || wantedIn(desired, where, name) !== undefined || desired.leaving?.[where].has(name)) return [];
        return after.get(where, name)?.value === text ? [] : [`${where} ${name}`];
      }),
    ),
  );
});

test("policies that only default never displace somebody else's value", () => {
  expect.hasAssertions();
  holds((given) => {
    const programs = given.programs.filter(({ rules }) => rules.every(({ name }) => name.startsWith('default')));
    const { end } = settle({ ...given, programs });
    return [...given.object.keys()].flatMap(([where, name, state]) =>
      // What stays for good is the object's own: a renamed value, for one.
      state.owners.has(MANAGER) || end.get(where, name)?.value === state.value ? [] : [`${where} ${name}`],
    );
  });
});

test('labels of somebody else on objects of a controller are never changed', () => {
  expect.hasAssertions();
  holds((given) => {
    if (!given.object.cached.controlled) return [];
    const { end } = settle(given);
    return [...given.object.keys()].flatMap(([where, name, state]) => {
      if (where !== 'labels' || isOurs(state)) return [];
      return isDeepStrictEqual(end.get(where, name), state) ? [] : [name];
    });
  });
});

test('a write that sends values which are only right for our picture of the object is guarded', () => {
  expect.hasAssertions();
  holds((given) =>
    settle(given).turns.flatMap(({ desired, step: made }) => {
      if (made.kind !== 'Apply') return [];
      const { apply: step } = made;
      const side = step.fieldManager === MANAGER ? desired.applied : desired.retained;
      const carriesAlong = CHANNELS.some((where) =>
        [...step.keys[where].keys()].some((name) => !side[where].has(name)),
      );
      return step.guarded === (carriesAlong || side.fromPicture) ? [] : [step.fieldManager];
    }),
  );
});

// ---- Renames -------------------------------------------------------------------------------------------------------

const renaming = fc.record({
  // Of what is ours and removed when nothing wants it there is nothing to keep.
  object: objectOf(fc.constantFrom('kubectl', 'helm', RETAINED_MANAGER)),
  programs: fc
    .array(fc.record({ priority: fc.integer({ min: -1, max: 1 }), rules: fc.array(renamed, { minLength: 1 }) }), {
      minLength: 1,
      maxLength: 3,
    })
    .map((policies) =>
      policies
        .map(({ priority, rules }, i) => ({
          priority,
          rules: rules.map(({ rename }, j) => ({ name: `r${j}`, rename })),
          name: `p${i}`,
        }))
        .map(({ name, ...fields }) => compiledPolicy(name, fields))
        .toSorted(byPrecedence),
    ),
  /** What somebody does between our look at the object and our write, before each of them; mostly nothing. */
  meddling: fc.array(fc.option(fc.tuple(channel, key, value), { freq: 2 }), { maxLength: 8 }),
});

test('no write of a rename loses a value, wherever we crash and whatever somebody changes meanwhile', () => {
  let moved = 0;
  let refused = 0;
  fc.assert(
    fc.property(renaming, ({ object: start, programs, meddling }) => {
      let model = start;
      for (const meddled of [...meddling, null, null, null, null, null, null, null, null]) {
        const seen = model;
        const given = { programs, held: {}, namespace: { labels: {}, annotations: {} } };
        const { desired } = evaluateIn(given, seen);
        const step = desired && nextWrite(seen.cached, desired);
        if (meddled !== null) model = model.updatedBy('kubectl', ...meddled);
        if (step === undefined) continue;
        const guarded =
          step.kind === 'Apply' ? step.apply.guarded : step.kind === 'CleanUp' && step.cleanUp.fromPicture;
        // The server answers 409; the next look is a new one.
        if (guarded && model !== seen) {
          refused += 1;
          continue;
        }
        const after = written(model, step);
        for (const where of CHANNELS) {
          expect(valuesIn(after, where)).toEqual(valuesIn(model, where));
        }
        moved += 1;
        model = after;
      }
      const { desired } = evaluateIn({ programs, held: {}, namespace: { labels: {}, annotations: {} } }, model);
      expect(desired && nextWrite(model.cached, desired)).toBeUndefined();
    }),
    { numRuns: 1_000 },
  );
  // The promise is only worth something where there is something to lose.
  expect(moved).toBeGreaterThan(500);
  expect(refused).toBeGreaterThan(50);
});

function valuesIn(model: ModelObject, where: Channel): readonly string[] {
  return [...new Set([...model.keys()].flatMap(([at, , { value: text }]) => (at === where ? [text] : [])))].toSorted();
}
