import { describe, expect, test } from 'vitest';
import { cachedObject } from '../../test/support/cached-object.ts';
import { enforcing, evaluated } from '../../test/support/compiled-policy.ts';
import type { StringMap } from '../api/object.ts';
import { compilePolicy } from './compile.ts';
import type { Channel } from './program.ts';

/** A key of each row of the classes, and the globs of `--allow-keys` that let it be written. */
const NEVER = [
  'kubernetes.io/metadata.name',
  'kubectl.kubernetes.io/restartedAt',
  'applyset.kubernetes.io/id',
  'control-plane.alpha.kubernetes.io/leader',
  'deployment.kubernetes.io/revision',
  'meta.helm.sh/release-name',
  'helm.sh/chart',
  'argocd.argoproj.io/instance',
  'kustomize.toolkit.fluxcd.io/name',
  'watchkeeper.dev/x',
  'pod-template-hash',
  'controller-revision-hash',
  'controller-uid',
  'job-name',
  'statefulset.kubernetes.io/pod-name',
  'batch.kubernetes.io/job-name',
];
const OWNERS = [
  'pod-security.kubernetes.io/enforce',
  'rbac.authorization.k8s.io/aggregate-to-admin',
  'node-restriction.kubernetes.io/x',
  'node-role.kubernetes.io/control-plane',
  'node.kubernetes.io/instance-type',
  'topology.kubernetes.io/zone',
  'container.apparmor.security.beta.kubernetes.io/web',
  'istio-injection',
  'sidecar.istio.io/inject',
  'linkerd.io/inject',
  'app.kubernetes.io/instance',
  'app.kubernetes.io/managed-by',
];
/** Reserved as labels, free as annotations. */
const LABELS_ONLY = ['kubernetes.io/os', 'k8s.io/x', 'foo.kubernetes.io/x', 'gateway.networking.k8s.io/x'];
const FREE = ['team', 'acme.io/team', 'app.kubernetes.io/name', 'example.com/kubernetes.io'];

type Class = 'Never' | 'OwnerAllows' | 'Free';

const ROWS: readonly (readonly [Channel, string, Class])[] = (['labels', 'annotations'] as const).flatMap((channel) => [
  ...NEVER.map((key) => [channel, key, 'Never'] as const),
  ...OWNERS.map((key) => [channel, key, 'OwnerAllows'] as const),
  ...LABELS_ONLY.map((key) => [channel, key, channel === 'labels' ? 'OwnerAllows' : 'Free'] as const),
  ...FREE.map((key) => [channel, key, 'Free'] as const),
]);

/** Rules that name a key exactly. */
const NAMING: Readonly<Record<string, (channel: Channel, key: string) => object>> = {
  set: (channel, key) => ({ set: { [channel]: [{ key, value: 'v' }] } }),
  default: (channel, key) => ({ default: { [channel]: [{ key, value: 'v' }] } }),
  copy: (channel, key) => ({ copy: { from: 'Namespace', [channel]: [key] } }),
  'rename from': (channel, key) => ({ rename: { [channel]: [{ from: key, to: 'to' }] } }),
  'rename to': (channel, key) => ({ rename: { [channel]: [{ from: 'from', to: key }] } }),
  remove: (channel, key) => ({ remove: { [channel]: [key] } }),
};

function compiled(rule: object, allowedKeys: readonly string[] = []) {
  const spec = enforcing({ rules: [{ name: 'r', ...rule }] });
  return compilePolicy({ name: 'p', uid: 'u', generation: 1, spec }, { allowedKeys });
}

describe.each(ROWS)('%s %s, %s', (channel, key, protection) => {
  test.each(Object.entries(NAMING))('named exactly by %s', (_, rule) => {
    expect(compiled(rule(channel, key)).ok).toBe(protection === 'Free');
    expect(compiled(rule(channel, key), ['**']).ok).toBe(protection !== 'Never');
    expect(compiled(rule(channel, key), [key]).ok).toBe(protection !== 'Never');
  });

  test('is left out of the globs of copy and remove, unless it is free or allowed', () => {
    for (const [allowed, expected] of [
      [[], protection === 'Free'],
      [['**'], protection !== 'Never'],
      [['no/such-key'], protection === 'Free'],
    ] as const) {
      expect([allowed, copies(channel, key, allowed), removes(channel, key, allowed)]).toEqual([
        allowed,
        expected,
        expected,
      ]);
    }
  });
});

const one = (key: string): StringMap => ({ [key]: 'v' });

function desiredBy(rule: object, allowed: readonly string[], live: Partial<Record<Channel, StringMap>>, ns: StringMap) {
  const result = compiled(rule, allowed);
  if (!result.ok) throw new Error('not accepted');
  const namespace = cachedObject({ name: 'default', namespace: '', labels: ns, annotations: ns });
  return evaluated(cachedObject({ name: 'x', ...live }), [result.program], { namespaces: [namespace] }).desired;
}

function copies(channel: Channel, key: string, allowed: readonly string[]): boolean {
  const rule = { copy: { from: 'Namespace', [channel]: ['**'] } };
  return desiredBy(rule, allowed, {}, one(key))?.applied[channel].has(key) ?? false;
}

function removes(channel: Channel, key: string, allowed: readonly string[]): boolean {
  const desired = desiredBy({ remove: { [channel]: ['**'] } }, allowed, { [channel]: one(key) }, {});
  return desired?.cleanUp?.[channel].has(key) ?? false;
}
