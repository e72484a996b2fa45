import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compileGlob } from '../../src/api/glob.ts';
import { type KeyKind, NEVER_KEYS, OWNER_ALLOWS_KEYS, protectionOf } from '../../src/api/protected-keys.ts';
import { eventually } from '../cluster/eventually.ts';
import { Author } from '../support/author.ts';
import { useStage } from '../support/stage.ts';

/** Which keys ask their author for the verb `allow-reserved-keys`: compared with what the operator holds for reserved. */
const stage = useStage();

const configMaps = { apiGroups: [''], resources: ['configmaps'], verbs: ['patch', 'list'] };
let plain: Author;
let trusted: Author;
beforeAll(async () => {
  const { admin } = stage();
  plain = await Author.withRights(admin, 'keys-plain', [configMaps]);
  const verb = { apiGroups: ['watchkeeper.dev'], resources: ['watchpolicies'], verbs: ['allow-reserved-keys'] };
  trusted = await Author.withRights(admin, 'keys-trusted', [configMaps, verb]);
  await eventually(
    'the admission policy, which is heeded a moment after it was made',
    async () => plain.tries(policy({ set: { labels: [{ key: 'istio-injection', value: 'a' }] } })),
    ({ status }) => status === 403,
  );
});
afterAll(async () => {
  for (const author of [plain, trusted]) await author.gone();
});

const policy = (...actions: readonly object[]) => ({
  match: { resources: [{ group: '', resource: 'configmaps' }] },
  rules: actions.map((action, i) => ({ name: `r${i}`, ...action })),
});

/** Keys under domains that hold reserved ones, and some that look like them. */
const NEAR = `
kubernetes.io/a k8s.io/a x.k8s.io/a x.kubernetes.io/a app.kubernetes.io/name app.kubernetes.io/part-of
xkubernetes.io/a kubernetes.io.acme.io/a kubernetes.io istio istio-injection.acme.io/a acme.io/istio-injection
istio.io.acme.io/a sidecar.istio.io/inject linkerd.io.acme.io/a linkerd.io/inject xlinkerd.io/a team acme.io/team
x.app.kubernetes.io/instance app.kubernetes.io/instances container.apparmor/a apparmor.acme.io/a
`;

/** Beside these, some that each protected glob fits. */
const KEYS = [
  ...NEAR.trim().split(/\s+/),
  ...[...OWNER_ALLOWS_KEYS, ...NEVER_KEYS].flatMap((glob) =>
    glob.includes('*') ? [glob.replaceAll('*', 'a'), glob.replace('*', 'x.y.').replaceAll('*', 'b')] : [glob],
  ),
].filter((key) => /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/.test(key));

const GLOBS = `
* team-* acme.io/* acme.io/a*b acme.io/** app.kubernetes.io/name* kubernetes.io* xkubernetes.io/* */* ** *.acme.io/*
a** istio-* i*n app.kubernetes.io/* app.kubernetes.io/*ed-by app.kubernetes.io/i* topology.kubernetes.io/*
kubernetes.io/* x.k8s.io/a* sidecar.istio.io/* linkerd.io/i* pod-security*/* a**/b
`;

const channel = (kind: KeyKind) => (kind === 'label' ? 'labels' : 'annotations');

describe.each<KeyKind>(['label', 'annotation'])('G2: the %s', (kind) => {
  // The operator refuses keys that are never written, whoever asks.
  test.each(KEYS.filter((key) => protectionOf(kind, key) !== 'Never'))(
    '%s asks for the verb where the operator holds it for reserved, and only there',
    async (key) => {
      const isReserved = protectionOf(kind, key) === 'OwnerAllows';
      const said = await plain.tries(policy({ set: { [channel(kind)]: [{ key, value: 'a' }] } }));
      const refused = { status: 403, message: expect.stringContaining(`a rule writes ${key}, `) };
      expect(said).toEqual(isReserved ? refused : { status: 201, message: '' });
    },
  );

  const fields: readonly (readonly [field: string, action: (key: string) => object])[] = [
    [
      'set',
      (key) => ({
        set: {
          [channel(kind)]: [
            { key: 'first', value: 'a' },
            { key, value: 'a' },
          ],
        },
      }),
    ],
    ['default', (key) => ({ default: { [channel(kind)]: [{ key, value: 'a' }] } })],
    ['copy', (key) => ({ copy: { from: 'Namespace', [channel(kind)]: ['first', key] } })],
    ['rename from', (key) => ({ rename: { [channel(kind)]: [{ from: key, to: 'second' }] } })],
    ['rename to', (key) => ({ rename: { [channel(kind)]: [{ from: 'second', to: key }] } })],
    ['remove', (key) => ({ remove: { [channel(kind)]: ['first', key] } })],
  ];
  test.each(fields)('asks in each place where a key is written: %s', async (_field, action) => {
    const harmless = { set: { labels: [{ key: 'third', value: 'a' }] } };
    for (const key of ['istio-injection', 'topology.kubernetes.io/zone']) {
      const spec = policy(harmless, action(key), harmless);
      expect(await plain.tries(spec)).toMatchObject({ status: 403, message: expect.stringContaining(key) });
      expect(await trusted.tries(spec)).toEqual({ status: 201, message: '' });
    }
    expect(await plain.tries(policy(harmless, action('acme.io/free')))).toEqual({ status: 201, message: '' });
  });

  test.each(GLOBS.trim().split(/\s+/))(
    'the glob %s asks for the verb where it fits a key that is reserved',
    async (glob) => {
      const fits = compileGlob(glob, { separator: '/' });
      const isReserved = KEYS.some((key) => fits(key) && protectionOf(kind, key) === 'OwnerAllows');
      // A star before '/' could stand for any domain, and is not looked into.
      const isUnclear = /\*.*\/|\*\*/.test(glob);
      const answers = isReserved ? [403] : isUnclear ? [201, 403] : [201];
      const copy = { from: 'Namespace', [channel(kind)]: [glob] };
      for (const action of [{ copy }, { remove: { [channel(kind)]: [glob] } }]) {
        expect(answers).toContain((await plain.tries(policy(action))).status);
        expect(await trusted.tries(policy(action))).toEqual({ status: 201, message: '' });
      }
    },
  );
});

test('to judge by a reserved key needs no verb', async () => {
  const judging = [
    { require: { labels: [{ key: 'istio-injection' }] } },
    { forbid: { labels: ['*.kubernetes.io/*', '**'] } },
  ];
  expect(await plain.tries(policy(...judging))).toEqual({ status: 201, message: '' });
});
