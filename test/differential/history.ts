import fc from 'fast-check';
import type { PolicySpec } from '../support/stage.ts';

/** What can happen to a cluster. Names are small numbers and letters; the world gives them their place. */
export type Act =
  | { readonly do: 'policy'; readonly slot: number; readonly spec: PolicySpec }
  /** The policy's spec becomes one that the API server takes and the operator refuses. */
  | { readonly do: 'spoil'; readonly slot: number }
  | { readonly do: 'mode'; readonly slot: number; readonly mode: Mode }
  | { readonly do: 'unpolicy'; readonly slot: number }
  | { readonly do: 'create'; readonly object: ObjectName; readonly keys: Keys; readonly size: number }
  | {
      readonly do: 'edit';
      readonly object: ObjectName;
      readonly channel: Channel;
      readonly key: string;
      readonly value: string | null;
    }
  | { readonly do: 'resize'; readonly object: ObjectName; readonly size: number }
  | { readonly do: 'delete'; readonly object: ObjectName }
  | {
      readonly do: 'namespace';
      readonly namespace: NamespaceName;
      readonly channel: Channel;
      readonly key: string;
      readonly value: string | null;
    }
  | { readonly do: 'crd'; readonly served: boolean }
  | { readonly do: 'right'; readonly granted: boolean }
  | { readonly do: 'restart'; readonly how: 'Stop' | 'Kill' };

export type Mode = 'Audit' | 'Enforce' | 'Suspended';
export type Channel = 'labels' | 'annotations';
export type Kind = 'configmaps' | 'services' | 'widgets';
export type NamespaceName = 'one' | 'two';

export interface ObjectName {
  readonly kind: Kind;
  readonly namespace: NamespaceName;
  readonly name: string;
}

export interface Keys {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Stands in a spec for the API group of the history's own kind. */
export const WIDGET_GROUP = 'WIDGETS';
/** Stand in a spec for the history's namespaces. */
export const NAMESPACES: readonly NamespaceName[] = ['one', 'two'];

/**
 * Keys by what becomes of them. Selectors only look at what no policy writes: policies that chase one another are another
 * test's matter.
 */
export const SELECTED: readonly string[] = ['app', 'tier'];
const WRITTEN = ['team', 'env', 'acme.io/owner'];
const CLEARED = ['old', 'legacy/a', 'legacy/b'];
const FROM_NAMESPACE = ['acme.io/cost', 'acme.io/unit'];
const VALUES = ['a', 'b', 'c'];

const value = fc.constantFrom(...VALUES);
const slot = fc.integer({ min: 0, max: 3 });
const mode = fc.constantFrom<Mode>('Enforce', 'Enforce', 'Enforce', 'Audit', 'Suspended');
const channel = fc.constantFrom<Channel>('labels', 'labels', 'annotations');
const userKey = fc.constantFrom(...SELECTED, ...WRITTEN, ...CLEARED);
const namespaceName = fc.constantFrom<NamespaceName>('one', 'two');
const objectName: fc.Arbitrary<ObjectName> = fc.record({
  kind: fc.constantFrom<Kind>('configmaps', 'configmaps', 'services', 'widgets', 'widgets'),
  namespace: namespaceName,
  name: fc.constantFrom('x', 'y', 'web'),
});
const keys: fc.Arbitrary<Keys> = fc.record({
  labels: fc.dictionary(userKey, value, { maxKeys: 3 }),
  annotations: fc.dictionary(userKey, value, { maxKeys: 1 }),
});
const size = fc.integer({ min: 0, max: 3 });

/** A list of keys in an action: each key once. */
function keyed<T extends object>(entry: fc.Arbitrary<T>, by: keyof T): fc.Arbitrary<readonly T[]> {
  return fc.uniqueArray(entry, { minLength: 1, maxLength: 2, selector: (one) => one[by] });
}

const wantedKey = fc.oneof(
  fc.record({ key: fc.constantFrom(...WRITTEN), value }),
  fc.record({ key: fc.constantFrom(...WRITTEN), valueFrom: fc.constant({ namespaceLabel: 'cost' }) }),
  fc.record({ key: fc.constantFrom(...WRITTEN), valueFrom: fc.constant({ namespaceLabel: 'cost' }), fallback: value }),
  fc.record({
    key: fc.constantFrom(...WRITTEN),
    valueFrom: fc.constantFrom({ namespaceAnnotation: 'acme.io/unit' }, { jsonPath: '$.metadata.annotations.old' }),
    invalidValue: fc.constantFrom('Report', 'Sanitize'),
  }),
);
const wantedKeys = fc.oneof(
  fc.record({ labels: keyed(wantedKey, 'key') }),
  fc.record({ annotations: keyed(wantedKey, 'key') }),
);
const pathKey = fc.record({
  key: fc.constantFrom(...WRITTEN),
  valueFrom: fc.constantFrom({ jsonPath: '$.spec.size' }, { jsonPath: '$.metadata.name' }, { jsonPath: '$.spec' }),
});

const copy = fc.record(
  {
    from: fc.constant('Namespace'),
    labels: fc.constantFrom(['acme.io/*'], ['acme.io/cost'], ['**']),
    annotations: fc.constant(['acme.io/*']),
    except: fc.constantFrom(['acme.io/unit'], ['none']),
    overwrite: fc.constantFrom('Always', 'IfAbsent'),
  },
  { requiredKeys: ['from', 'labels'] },
);
const keyGlobs = fc.constantFrom(['legacy/*'], ['old'], ['legacy/a', 'old'], ['l*/b']);
const cleared = fc.oneof(fc.record({ labels: keyGlobs }), fc.record({ annotations: keyGlobs }));
const renamed = keyed(
  fc.record({ from: fc.constantFrom('old', 'legacy/a'), to: fc.constantFrom('acme.io/owner', 'acme.io/was') }),
  'from',
);

/** Actions on any of the kinds. */
const action: fc.Arbitrary<object> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ set: wantedKeys }) },
  { weight: 3, arbitrary: fc.record({ default: wantedKeys }) },
  { weight: 2, arbitrary: fc.record({ copy }) },
  { weight: 2, arbitrary: fc.record({ rename: fc.record({ labels: renamed }) }) },
  { weight: 2, arbitrary: fc.record({ remove: cleared }) },
  { weight: 1, arbitrary: fc.record({ forbid: cleared }) },
  {
    weight: 1,
    arbitrary: fc.record({
      require: fc.record({
        labels: keyed(
          fc.record({ key: fc.constantFrom(...SELECTED, ...WRITTEN), values: fc.subarray(VALUES, { minLength: 1 }) }),
          'key',
        ),
      }),
    }),
  },
);
/** Actions that read a widget's spec. */
const readingAction: fc.Arbitrary<object> = fc.oneof(
  { weight: 3, arbitrary: action },
  { weight: 2, arbitrary: fc.record({ set: fc.record({ annotations: keyed(pathKey, 'key') }) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      check: fc.record({
        jsonPath: fc.constant('$.spec.size'),
        quantifier: fc.constantFrom('All', 'Any', 'None'),
        operator: fc.constantFrom('GreaterThan', 'LessThan', 'Equal'),
        values: fc.constantFrom(['1'], ['2']),
      }),
    }),
  },
);

const requirement = fc.oneof(
  fc.record({ key: fc.constantFrom(...SELECTED), operator: fc.constantFrom('Exists', 'DoesNotExist') }),
  fc.record({
    key: fc.constantFrom(...SELECTED),
    operator: fc.constantFrom('In', 'NotIn'),
    values: fc.subarray(VALUES, { minLength: 1 }),
  }),
);
const selector = fc.record({ matchExpressions: fc.array(requirement, { minLength: 1, maxLength: 1 }) });
const someTerms = fc.record(
  {
    names: fc.constantFrom(['x'], ['w*'], ['*']),
    objectSelector: selector,
    namespaceSelector: fc.constantFrom(
      { matchLabels: { cost: 'a' } },
      { matchExpressions: [{ key: 'cost', operator: 'Exists' }] },
    ),
  },
  { requiredKeys: [] },
);

/** Most policies are about all objects of their namespaces, so that they meet one another. */
const terms = fc.oneof({ weight: 3, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: someTerms });
const namespaces = fc.constantFrom<readonly NamespaceName[]>(['one', 'two'], ['one', 'two'], ['one'], ['two']);

const widgets = { group: WIDGET_GROUP, resource: 'widgets' };
const targets: fc.Arbitrary<readonly object[]> = fc.constantFrom<readonly object[]>(
  [{ group: '', resource: 'configmaps' }],
  [
    { group: '', resource: 'configmaps' },
    { group: '', resource: 'services' },
  ],
  [{ group: '', resource: 'configmaps' }, widgets],
  [widgets],
  [
    { group: WIDGET_GROUP, resource: '*' },
    { group: '', resource: 'serv*' },
  ],
);

const rules = (of: fc.Arbitrary<object>) =>
  fc.array(of, { minLength: 1, maxLength: 3 }).map((actions) => actions.map((one, i) => ({ name: `r${i}`, ...one })));

const common = {
  mode,
  priority: fc.constantFrom(0, 0, 10),
  removalPolicy: fc.constantFrom('Remove', 'Remove', 'Retain'),
  exclude: fc.constantFrom([], [], [{ names: ['y'] }]),
};

const policySpec: fc.Arbitrary<PolicySpec> = fc.oneof(
  fc.record({
    ...common,
    match: fc
      .tuple(targets, terms, namespaces)
      .map(([resources, rest, within]) => ({ resources, namespaces: within, ...rest })),
    rules: rules(action),
  }),
  fc.record({
    ...common,
    match: fc.tuple(terms, namespaces, fc.constantFrom('v1', 'v1beta1', '*')).map(([rest, within, version]) => ({
      resources: [{ ...widgets, version }],
      namespaces: within,
      ...rest,
    })),
    rules: rules(readingAction),
  }),
);

const create = fc.record({ do: fc.constant('create' as const), object: objectName, keys, size });
const policy = fc.record({ do: fc.constant('policy' as const), slot, spec: policySpec });

const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 6, arbitrary: policy },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('spoil' as const), slot }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('mode' as const), slot, mode }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('unpolicy' as const), slot }) },
  { weight: 6, arbitrary: create },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('edit' as const),
      object: objectName,
      channel,
      key: userKey,
      value: fc.option(value),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('resize' as const), object: objectName, size }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('delete' as const), object: objectName }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('namespace' as const),
      namespace: namespaceName,
      channel,
      key: fc.constantFrom('cost', ...FROM_NAMESPACE),
      value: fc.option(value),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('crd' as const), served: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('right' as const), granted: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('restart' as const),
      how: fc.constantFrom('Stop' as const, 'Kill' as const),
    }),
  },
);

/** Enough to begin with that what follows has something to change. */
const beginning: fc.Arbitrary<readonly Act[]> = fc
  .tuple(fc.array(create, { minLength: 9, maxLength: 14 }), fc.array(policy, { minLength: 2, maxLength: 3 }))
  .map(([objects, policies]) => [{ do: 'crd', served: true }, ...objects, ...policies]);

/** The history of a seed: always the same. */
export function historyOf(seed: number): readonly Act[] {
  const history = fc.tuple(beginning, fc.array(act, { minLength: 10, maxLength: 22, size: 'max' }));
  return fc.sample(history, { seed, numRuns: 1 }).flatMap(([first, then]) => settled([...first, ...then]));
}

/** How often a user changes one key of one object: above it Watchkeeper takes it for a fight, and gives way. */
const MOST_EDITS = 2;

function settled(acts: readonly Act[]): readonly Act[] {
  const edits = new Map<string, number>();
  return acts.filter((one) => {
    if (one.do !== 'edit') return true;
    const id = JSON.stringify([one.object, one.channel, one.key]);
    const count = (edits.get(id) ?? 0) + 1;
    edits.set(id, count);
    return count <= MOST_EDITS;
  });
}
