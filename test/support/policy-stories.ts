import type { PolicySpec } from './installation.ts';
import type { Ending, Story } from './policy-story.ts';
import { configMap } from './stage.ts';

const CONFIG_MAPS = { group: '', resource: 'configmaps' };
const CLAIMS = { group: '', resource: 'persistentvolumeclaims' };
const SERVICES = { group: '', resource: 'services' };
const INGRESSES = { group: 'networking.k8s.io', resource: 'ingresses' };

/** One rule for each label; `more` adds to the spec, and to its match. */
export function enforce(
  ns: string,
  labels: Readonly<Record<string, string>>,
  more: Readonly<Record<string, unknown>> = {},
): PolicySpec {
  const { match, ...fields } = more;
  return {
    mode: 'Enforce',
    match: { resources: [CONFIG_MAPS], namespaces: [ns], ...(match as object | undefined) },
    rules: Object.entries(labels).map(([key, value]) => ({ name: key, set: { labels: [{ key, value }] } })),
    ...fields,
  };
}

type Labels = Readonly<Record<string, string>>;

function claim(namespace: string, name: string, labels: Labels = {}) {
  const spec = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
  return { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { namespace, name, labels }, spec };
}

function service(namespace: string, name: string, labels: Labels = {}) {
  return { apiVersion: 'v1', kind: 'Service', metadata: { namespace, name, labels }, spec: { ports: [{ port: 80 }] } };
}

function ingress(namespace: string, name: string, labels: Labels = {}) {
  const spec = { defaultBackend: { service: { name: 'web', port: { number: 80 } } } };
  return { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', metadata: { namespace, name, labels }, spec };
}

/** Two objects, one of which has a label of its user. */
const two = (ns: string) => [configMap(ns, 'web'), configMap(ns, 'api', { tier: 'back' })];
const BACK = { tier: 'back (test-admin)' };

/** Both of them with the same further keys. */
function both(keys: Labels): Ending['objects'] {
  return { 'configmaps/web': keys, 'configmaps/api': { ...keys, ...BACK } };
}

/** What becomes of a policy, and of its objects: played side by side, each in a namespace of its own. */
export const STORIES: readonly Story[] = [
  {
    name: 'key-renamed',
    title: 'a key is renamed: the old one goes and the new one comes, in one write',
    objects: two,
    policy: (ns) => enforce(ns, { team: 'a' }),
    steps: [
      {
        act: async (scene) => scene.edit(enforce(scene.ns, { squad: 'a' })),
        ends: { objects: both({ squad: 'a (watchkeeper)' }), writes: 2 },
      },
    ],
  },
  {
    name: 'value-changed',
    title: 'a value is changed: every object gets the new one, and nothing else of it is touched',
    objects: two,
    policy: (ns) => enforce(ns, { team: 'a', env: 'prod' }),
    steps: [
      {
        act: async (scene) => scene.edit(enforce(scene.ns, { team: 'b', env: 'prod' })),
        ends: { objects: both({ team: 'b (watchkeeper)', env: 'prod (watchkeeper)' }), writes: 2 },
      },
    ],
  },
  {
    name: 'selector-narrowed',
    title: 'the selector is narrowed: objects that it leaves out lose the key, the others are not written',
    objects: two,
    policy: (ns) => enforce(ns, { team: 'a' }),
    steps: [
      {
        act: async (scene) => {
          const match = { objectSelector: { matchLabels: { tier: 'back' } } };
          await scene.edit(enforce(scene.ns, { team: 'a' }, { match }));
        },
        ends: {
          objects: { 'configmaps/web': {}, 'configmaps/api': { team: 'a (watchkeeper)', ...BACK } },
          writes: 1,
        },
      },
    ],
  },
  {
    name: 'kind-dropped',
    title: 'a kind is dropped that no other policy names: its objects lose the key all the same',
    objects: (ns) => [configMap(ns, 'web'), claim(ns, 'disk')],
    policy: (ns) => enforce(ns, { team: 'a' }, { match: { resources: [CONFIG_MAPS, CLAIMS] } }),
    steps: [
      {
        act: async (scene) => scene.edit(enforce(scene.ns, { team: 'a' })),
        ends: {
          objects: { 'configmaps/web': { team: 'a (watchkeeper)' }, 'persistentvolumeclaims/disk': {} },
          writes: 1,
        },
      },
    ],
  },
  {
    name: 'rule-removed',
    title: 'a rule is removed: its key goes, the key of the other rule stays',
    objects: two,
    policy: (ns) => enforce(ns, { team: 'a', env: 'prod' }),
    steps: [
      {
        act: async (scene) => scene.edit(enforce(scene.ns, { env: 'prod' })),
        ends: { objects: both({ env: 'prod (watchkeeper)' }), writes: 2 },
      },
    ],
  },
  {
    name: 'suspended',
    title: 'a suspended policy holds its keys and lets drift be; resumed, it reverts it',
    objects: two,
    policy: (ns) => enforce(ns, { team: 'a' }),
    steps: [
      {
        act: async (scene) => scene.edit(enforce(scene.ns, { team: 'a' }, { mode: 'Suspended' })),
        ends: { objects: both({ team: 'a (watchkeeper)' }), writes: 0 },
      },
      {
        act: async (scene) => scene.label('configmaps/web', { team: 'drifted' }),
        ends: {
          objects: {
            'configmaps/web': { team: 'drifted (test-admin)' },
            'configmaps/api': { team: 'a (watchkeeper)', ...BACK },
          },
          writes: 0,
        },
      },
      {
        act: async (scene) => scene.edit(enforce(scene.ns, { team: 'a' })),
        ends: { objects: both({ team: 'a (watchkeeper)' }), writes: 1 },
      },
    ],
  },
  {
    name: 'audit-again',
    title: 'back in Audit it writes nothing and says what it would set and remove; in Enforce it does so',
    objects: two,
    policy: (ns) => enforce(ns, { team: 'a', env: 'prod' }),
    steps: [
      {
        act: async (scene) => scene.edit(enforce(scene.ns, { team: 'b' }, { mode: 'Audit' })),
        ends: {
          objects: both({ team: 'a (watchkeeper)', env: 'prod (watchkeeper)' }),
          writes: 0,
          says: [
            "api: label 'team' is 'a' and would be set to 'b'",
            "api: label 'env', set by Watchkeeper, is not wanted any more and would be removed",
            "web: label 'team' is 'a' and would be set to 'b'",
            "web: label 'env', set by Watchkeeper, is not wanted any more and would be removed",
          ],
        },
      },
      {
        act: async (scene) => scene.label('configmaps/web', { team: 'drifted', env: null }),
        ends: {
          objects: {
            'configmaps/web': { team: 'drifted (test-admin)' },
            'configmaps/api': { team: 'a (watchkeeper)', env: 'prod (watchkeeper)', ...BACK },
          },
          writes: 0,
          says: [
            "api: label 'team' is 'a' and would be set to 'b'",
            "api: label 'env', set by Watchkeeper, is not wanted any more and would be removed",
            "web: label 'team' is 'drifted' and would be set to 'b'",
          ],
        },
      },
      {
        act: async (scene) => scene.edit(enforce(scene.ns, { team: 'b' })),
        ends: { objects: both({ team: 'b (watchkeeper)' }), writes: 2 },
      },
    ],
  },
  {
    name: 'deleted',
    title: 'deleted, it takes its keys along and nothing of anybody else; what it displaced does not come back',
    objects: (ns) => [
      service(ns, 'web'),
      service(ns, 'api', { tier: 'back' }),
      service(ns, 'equal', { team: 'a', env: 'prod' }),
      service(ns, 'displaced', { team: 'z' }),
    ],
    policy: (ns) => ({
      mode: 'Enforce',
      match: { resources: [SERVICES], namespaces: [ns] },
      rules: [
        { name: 'team', set: { labels: [{ key: 'team', value: 'a' }] } },
        { name: 'env', default: { labels: [{ key: 'env', value: 'dev' }] } },
      ],
    }),
    steps: [
      {
        act: async ({ stage: { admin }, ns }) => {
          const { spec: _, ...web } = service(ns, 'web', { team: 'a' });
          await admin.apply(web, { fieldManager: 'alice' });
        },
        ends: {
          objects: {
            'services/web': { team: 'a (alice, watchkeeper)', env: 'dev (watchkeeper)' },
            'services/api': { team: 'a (watchkeeper)', env: 'dev (watchkeeper)', ...BACK },
            'services/equal': { team: 'a (test-admin, watchkeeper)', env: 'prod (test-admin)' },
            'services/displaced': { team: 'a (watchkeeper)', env: 'dev (watchkeeper)' },
          },
          writes: 0,
        },
      },
      {
        act: async (scene) => scene.remove(),
        ends: {
          objects: {
            'services/web': { team: 'a (alice)' },
            'services/api': BACK,
            'services/equal': { team: 'a (test-admin)', env: 'prod (test-admin)' },
            'services/displaced': {},
          },
          writes: 4,
        },
      },
    ],
  },
  {
    name: 'retained',
    title: 'deleted with Retain, it leaves its keys',
    objects: (ns) => [ingress(ns, 'web')],
    policy: (ns) => enforce(ns, { team: 'a' }, { match: { resources: [INGRESSES] }, removalPolicy: 'Retain' }),
    steps: [
      {
        act: async (scene) => scene.remove(),
        ends: { objects: { 'ingresses/web': { team: 'a (watchkeeper-retained)' } }, writes: 0 },
      },
    ],
  },
  {
    name: 'retained-renamed',
    title: 'a key renamed under Retain: the old one stays beside the new one',
    objects: two,
    policy: (ns) => enforce(ns, { team: 'a' }, { removalPolicy: 'Retain' }),
    steps: [
      {
        act: async (scene) => scene.edit(enforce(scene.ns, { squad: 'a' }, { removalPolicy: 'Retain' })),
        ends: {
          objects: both({ squad: 'a (watchkeeper-retained)', team: 'a (watchkeeper-retained)' }),
          writes: 2,
        },
      },
    ],
  },
  {
    name: 'to-retain',
    title: 'from Remove to Retain its keys change hands; deleted, it leaves them',
    objects: two,
    policy: (ns) => enforce(ns, { team: 'a' }),
    steps: [
      {
        act: async (scene) => scene.edit(enforce(scene.ns, { team: 'a' }, { removalPolicy: 'Retain' })),
        ends: { objects: both({ team: 'a (watchkeeper-retained)' }), writes: 4 },
      },
      {
        act: async (scene) => scene.remove(),
        ends: { objects: both({ team: 'a (watchkeeper-retained)' }), writes: 0 },
      },
    ],
  },
  {
    name: 'to-remove',
    title: 'from Retain to Remove its keys change hands; deleted, it takes them along',
    objects: two,
    policy: (ns) => enforce(ns, { team: 'a' }, { removalPolicy: 'Retain' }),
    steps: [
      {
        act: async (scene) => scene.edit(enforce(scene.ns, { team: 'a' })),
        ends: { objects: both({ team: 'a (watchkeeper)' }), writes: 4 },
      },
      { act: async (scene) => scene.remove(), ends: { objects: both({}), writes: 2 } },
    ],
  },
  {
    name: 'made-again',
    title: 'deleted and made again in Audit: it is another policy, and the keys of the first one go',
    objects: two,
    policy: (ns) => enforce(ns, { team: 'a' }),
    steps: [
      {
        act: async (scene) => {
          await scene.remove();
          await scene.edit(enforce(scene.ns, { team: 'b' }, { mode: 'Audit' }));
        },
        ends: {
          objects: both({}),
          writes: 2,
          says: [
            "api: label 'team' is absent and would be set to 'b'",
            "web: label 'team' is absent and would be set to 'b'",
          ],
        },
      },
    ],
  },
];
