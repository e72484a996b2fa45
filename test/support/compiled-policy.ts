import type { CachedObject, KeySet } from '../../src/api/object.ts';
import { compilePolicy } from '../../src/policy/compile.ts';
import { byPrecedence, type Evaluation, evaluate } from '../../src/policy/evaluate.ts';
import { KeyPatterns } from '../../src/policy/key-patterns.ts';
import { keyProtection } from '../../src/policy/key-protection.ts';
import type { KindContext, Program } from '../../src/policy/program.ts';
import { cachedObject } from './cached-object.ts';

export const CONFIG_MAPS: KindContext = {
  group: '',
  resource: 'configmaps',
  version: 'v1',
  kind: 'ConfigMap',
  scope: 'Namespaced',
};
export const NAMESPACES: KindContext = {
  group: '',
  resource: 'namespaces',
  version: 'v1',
  kind: 'Namespace',
  scope: 'Cluster',
};
export const NODES: KindContext = { group: '', resource: 'nodes', version: 'v1', kind: 'Node', scope: 'Cluster' };

/** A spec that enforces rules on ConfigMaps, with these fields in place of its own. */
export function enforcing(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return { mode: 'Enforce', match: { resources: [{ group: '', resource: 'configmaps' }] }, ...fields };
}

/** A compiled policy; throws when it is not accepted. */
export function programOf(name: string, fields: Readonly<Record<string, unknown>>): Program {
  const result = compilePolicy({ name, uid: `uid-${name}`, generation: 1, spec: enforcing(fields) });
  if (!result.ok) throw new Error(`${name}: ${JSON.stringify(result.issues)}`);
  return result.program;
}

/** Where evaluation takes place: Namespace `default` is there unless another lookup is given. */
export interface Surroundings {
  readonly kind?: KindContext;
  /** By policy, patterns over keys. */
  readonly held?: ReadonlyMap<string, KeySet>;
  /** Patterns over keys. */
  readonly handedOver?: KeySet;
  readonly namespaces?: readonly CachedObject[];
  /** Globs of `--allow-keys`. */
  readonly allowed?: readonly string[];
}

export const DEFAULT_NAMESPACE = cachedObject({ name: 'default', namespace: '', labels: { team: 'core' } });

export function evaluated(
  object: CachedObject,
  programs: readonly Program[],
  {
    kind = CONFIG_MAPS,
    held = new Map(),
    handedOver,
    namespaces = [DEFAULT_NAMESPACE],
    allowed = [],
  }: Surroundings = {},
): Evaluation {
  return evaluate({
    object,
    kind,
    programs: programs.toSorted(byPrecedence),
    held: new Map([...held].map(([policy, keys]) => [policy, new KeyPatterns(keys)])),
    handedOver: handedOver === undefined ? [] : [new KeyPatterns(handedOver)],
    protection: keyProtection(allowed),
    namespaceOf: (name) => namespaces.find((namespace) => namespace.name === name),
  });
}

/** `RESULT CODE RULE: message` of every result, by policy. */
export function reports(
  fields: Partial<CachedObject>,
  programs: readonly Program[],
  where: Surroundings = {},
): readonly (readonly string[])[] {
  const { verdicts } = evaluated(cachedObject({ name: 'x', ...fields }), programs, where);
  return verdicts.map(({ results }) =>
    results.map(({ result, code, rule, message }) => `${result} ${code} ${rule}: ${message}`),
  );
}

/** Label keys that one of our managers owns. */
export function owning(...labels: readonly string[]): KeySet {
  return { labels, annotations: [] };
}
