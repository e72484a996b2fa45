import type { FieldIssue } from '../api/field-issue.ts';
import type { Exclude, LabelSelector, Match } from '../api/match.ts';
import type { WatchPolicySpec } from '../api/watch-policy.ts';
import { compileLeftOut } from './about.ts';
import { parseJsonPath } from './json-path-grammar.ts';
import { KeyPatterns, keyPattern } from './key-patterns.ts';
import { describeKey } from './messages.ts';
import { CHANNELS, type Channel } from './program.ts';
import { anyTerm, type ScopedResource } from './resource-terms.ts';

const NAMESPACES: ScopedResource = { group: '', resource: 'namespaces', scope: 'Cluster' };

/**
 * Selectors and paths that ask for a key which the policy's own `set` or `copy` keeps. A policy does not see its own writes: as
 * soon as the key is ours it is not wanted any more and is removed, for good where it displaced another value, and over and
 * over where somebody else keeps the same one. A policy that retains its keys comes to rest. So do the other actions: what
 * is there is not defaulted, what is removed is nobody's any more, and a renamed key stays whatever is asked for.
 */
export function* selfDefeats(spec: WatchPolicySpec): Generator<FieldIssue> {
  if (spec.removalPolicy === 'Retain') return;
  const kept = keysKept(spec);
  for (const { path, channel, key } of [...askedBySelectors(spec), ...askedBySources(spec, kept)]) {
    if (!kept.fits(channel, key)) continue;
    const message = `must not ask for ${describeKey(channel, key)}, which a rule of this policy sets: a policy does not see what it wrote itself, so it would write and remove in turn; with removalPolicy Retain what is written stays`;
    yield { path, message };
  }
}

/** A key whose presence or value a part of the spec asks for. */
interface Asked {
  readonly path: string;
  readonly channel: Channel;
  readonly key: string;
}

function keysKept({ rules }: WatchPolicySpec): KeyPatterns {
  const patterns = (channel: Channel) => [
    ...rules.flatMap(({ set }) => set?.[channel] ?? []).map(({ key }) => key),
    ...rules.flatMap(({ copy }) =>
      copy?.overwrite === 'Always' ? (copy[channel] ?? []).map((glob) => keyPattern(glob, copy.except ?? [])) : [],
    ),
  ];
  return new KeyPatterns({ labels: patterns('labels'), annotations: patterns('annotations') });
}

// ---- match and exclude ---------------------------------------------------------------------------------------------

function askedBySelectors({ match, exclude = [] }: WatchPolicySpec): readonly Asked[] {
  // A Namespace is its own namespace.
  const onNamespaces = anyTerm(match.resources)(NAMESPACES) && compileLeftOut(exclude)(NAMESPACES) === undefined;
  const names = onNamespaces ? (['objectSelector', 'namespaceSelector'] as const) : (['objectSelector'] as const);
  const askedIn = (path: string, terms: Match | Exclude, requirements: Requirements) =>
    names.flatMap((name) =>
      requirements(terms[name] ?? {}).map(([at, key]) => ({
        path: `${path}.${name}.${at}`,
        channel: 'labels' as const,
        key,
      })),
    );
  return [
    ...askedIn('spec.match', match, ifPresent),
    // Not to be excluded is to ask for the contrary.
    ...exclude.flatMap((entry, i) => askedIn(`spec.exclude[${i}]`, entry, ifAbsent)),
  ];
}

/** The requirements of a selector that want a label to be there, or not: where they stand in it, and the label's key. */
type Requirements = (selector: LabelSelector) => readonly (readonly [string, string])[];

const ifPresent: Requirements = ({ matchLabels = {}, matchExpressions = [] }) => [
  ...Object.keys(matchLabels).map((key) => [`matchLabels[${key}]`, key] as const),
  ...matchExpressions.flatMap(({ key, operator }, i) =>
    operator === 'In' || operator === 'Exists' ? [[`matchExpressions[${i}]`, key] as const] : [],
  ),
];

const ifAbsent: Requirements = ({ matchExpressions = [] }) =>
  matchExpressions.flatMap(({ key, operator }, i) =>
    operator === 'NotIn' || operator === 'DoesNotExist' ? [[`matchExpressions[${i}]`, key] as const] : [],
  );

// ---- Value sources -------------------------------------------------------------------------------------------------

function askedBySources({ rules }: WatchPolicySpec, kept: KeyPatterns): readonly Asked[] {
  const asked: Asked[] = [];
  for (const [i, rule] of rules.entries()) {
    for (const action of ['set', 'default'] as const) {
      for (const target of CHANNELS) {
        for (const [j, { valueFrom }] of (rule[action]?.[target] ?? []).entries()) {
          const path = `spec.rules[${i}].${action}.${target}[${j}].valueFrom.jsonPath`;
          for (const read of keysRead(valueFrom?.jsonPath, kept)) asked.push({ path, ...read });
        }
      }
    }
  }
  return asked;
}

/** The labels or annotations that a path reads. One that goes through all of them reads each that the policy sets. */
function keysRead(text: string | undefined, kept: KeyPatterns): readonly Pick<Asked, 'channel' | 'key'>[] {
  const parsed = parseJsonPath(text ?? '$');
  if (!parsed.ok) return [];
  const [field, map, key] = parsed.segments;
  if (field?.kind !== 'Name' || field.name !== 'metadata' || map?.kind !== 'Name' || key === undefined) return [];
  if (map.name !== 'labels' && map.name !== 'annotations') return [];
  const channel = map.name;
  return key.kind === 'Name'
    ? [{ channel, key: key.name }]
    : kept[channel].map((pattern) => ({ channel, key: pattern.split(' ', 1)[0] ?? pattern }));
}
