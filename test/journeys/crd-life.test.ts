import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { recordRequests, type SeenRequest, useFaultProxy } from '../support/fault-proxy.ts';
import { ledgerOf } from '../support/policy-story.ts';
import { CRDS, collectionOf, crdName, SmallCrds, type SmallKind } from '../support/small-crd.ts';
import { configMap, is, type PolicyView, useStage } from '../support/stage.ts';

const stage = useStage();
const proxied = useFaultProxy(stage);
const made = new Set<string>();
let crds: SmallCrds;
let ns: string;

beforeEach(async () => {
  crds = new SmallCrds(stage());
  ns = await stage().admin.createNamespace('crd-life');
});

afterEach(async () => {
  for (const name of made) {
    if ((await stage().admin.find(`${CRDS}/${name}`)) !== undefined) await stage().admin.delete(`${CRDS}/${name}`);
  }
  made.clear();
});

/** A kind whose objects the operator may watch and write; gone after the test. */
async function kind(small: Partial<SmallKind> & Pick<SmallKind, 'group'>): Promise<SmallKind> {
  const whole = { plural: 'widgets', kind: 'Widget', ...small };
  await stage().grant(whole.group, ['*']);
  made.add(crdName(whole));
  return whole;
}

const isProd = (labels: Readonly<Record<string, string>>) => labels['env'] === 'prod';

/** Objects of these kinds, and ConfigMaps, get a label. */
async function label(
  name: string,
  kinds: readonly Pick<SmallKind, 'group' | 'plural'>[],
  rules: readonly object[] = [],
): Promise<void> {
  const resources = kinds.map(({ group, plural }) => ({ group, resource: plural }));
  await stage().applyPolicy(name, {
    mode: 'Enforce',
    match: { resources: [...resources, { group: '', resource: 'configmaps' }] },
    exclude: [{ namespaces: ['default'] }],
    rules: [{ name: 'env', set: { labels: [{ key: 'env', value: 'prod' }] } }, ...rules],
  });
}

/** Another kind goes on within a second, whatever becomes of this one. */
async function othersGoOn(name: string): Promise<void> {
  await stage().admin.create(configMap(ns, name));
  await stage().labels(`/api/v1/namespaces/${ns}/configmaps/${name}`, isProd);
}

async function watching(policy: string, reason = 'Watching'): Promise<PolicyView> {
  return stage().policy(policy, ({ conditions }) => conditions['Watching']?.reason === reason);
}

interface ResourceView {
  readonly group: string;
  readonly resource: string;
  readonly version: string;
  readonly state: string;
  readonly message: string;
}

function resourceOf({ raw }: PolicyView, { group, plural }: SmallKind): ResourceView | undefined {
  const { resources = [] } = raw['status'] as { readonly resources?: readonly ResourceView[] };
  return resources.find((found) => found.group === group && found.resource === plural);
}

const listsAndWatches = (seen: readonly SeenRequest[]) =>
  seen.filter(({ method, path }) => method === 'GET' && path !== '/api' && path !== '/apis');

describe('row 45: a CRD that is made again at once', () => {
  test('U4: as another kind in another scope: its new objects are labelled as what they are', async () => {
    const before = await kind({ group: 'rescoped.crd-life.test' });
    const after = { ...before, kind: 'Gizmo', scope: 'Cluster' as const };
    await crds.apply(before);
    await crds.put(before, 'first', ns);
    await stage().startOperator();
    await label('rescoped', [before]);
    await stage().labels(`${collectionOf(before, ns)}/first`, isProd);
    // There and back: what is learnt of one must not stay with the other.
    for (const [small, namespace] of [
      [after, undefined],
      [before, ns],
    ] as const) {
      await crds.remove(before);
      await crds.apply(small);
      const path = await crds.put(small, 'second', namespace);
      await stage().labels(path, isProd);
      const view = await stage().policy('rescoped', (seen) => is(seen, 'Compliant') === 'True');
      expect(is(view, 'Ready')).toBe('True');
    }
    await othersGoOn('beside');
  });

  test('U4: in the same shape, with objects of the same names: each is written once, and stays on record', async () => {
    const small = await kind({ group: 'again.crd-life.test' });
    await crds.apply(small);
    await crds.put(small, 'one', ns);
    await stage().startOperator();
    await label('again', [small]);
    await stage().labels(`${collectionOf(small, ns)}/one`, isProd);
    for (let i = 0; i < 3; i += 1) {
      await crds.remove(small);
      const mark = await stage().cluster.auditMark();
      await crds.apply(small);
      const path = await crds.put(small, 'one', ns);
      await stage().labels(path, isProd);
      await stage().policy('again', (view) => is(view, 'Compliant') === 'True');
      // By the uid that a write carries, none of the object that went can touch the one that came. Whoever watched the
      // kind before may have begun a write of the new one; then that of the next changes nothing.
      const codes = (await stage().writesSince(mark, ns)).map(({ code }) => code);
      expect(codes.filter((code) => code !== 200)).toEqual([]);
      expect(codes.length).toBeLessThanOrEqual(2);
      const changes = await stage().cluster.changes();
      expect(changes.get(`/registry/${small.group}/${small.plural}/${ns}/one`)).toBe(2);
    }
    expect(await ledgerOf(stage())).toMatchObject({ kinds: expect.stringContaining(crdName(small)) });
  });

  test('under another plural or in another group: the old one is waited for, the new one is labelled', async () => {
    const old = await kind({ group: 'moved.crd-life.test' });
    const renamed = await kind({ group: 'moved.crd-life.test', plural: 'widgetries' });
    const moved = await kind({ group: 'arrived.crd-life.test' });
    await crds.apply(old);
    await crds.put(old, 'one', ns);
    const operator = await stage().startOperator();
    await label('moved', [old, renamed, moved]);
    await stage().labels(`${collectionOf(old, ns)}/one`, isProd);
    for (const [from, to] of [
      [old, renamed],
      [renamed, moved],
    ] as const) {
      await crds.remove(from);
      await crds.apply(to);
      await stage().labels(await crds.put(to, 'one', ns), isProd);
      // ConfigMaps may be synced later than these.
      const view = await stage().policy(
        'moved',
        (seen) =>
          resourceOf(seen, from)?.state === 'NotServed' &&
          resourceOf(seen, to)?.state === 'Watching' &&
          seen.conditions['Watching']?.reason === 'WaitingForResources',
      );
      expect(view.conditions['Watching']?.status).toBe('True');
      expect(await operator.metric('watchkeeper_informer_state', `kind="${crdName(from)}"`)).toBe(0);
    }
    await othersGoOn('beside');
  });
});

describe('rows 46 and 47: a CRD that changes', () => {
  test('in its status restarts nothing, and in its description nothing but the watch that the server ends', async () => {
    const { admin } = stage();
    const small = await kind({ group: 'edited.crd-life.test' });
    const beside = await kind({ group: 'beside.crd-life.test' });
    await crds.apply(small);
    await crds.apply(beside);
    await crds.put(small, 'one', ns);
    const seen = recordRequests(proxied().proxy);
    await stage().startOperator({ kubeconfig: proxied().kubeconfig });
    await label('edited', [small, beside]);
    await stage().labels(`${collectionOf(small, ns)}/one`, isProd);
    await watching('edited');

    const condition = {
      type: 'Odd',
      status: 'True',
      reason: 'Test',
      message: 'of a test',
      lastTransitionTime: '2026-01-01T00:00:00Z',
    };
    seen.length = 0;
    const patch = [{ op: 'add', path: '/status/conditions/-', value: condition }];
    await admin.patch(`${CRDS}/${crdName(small)}/status`, patch, 'json');
    await crds.put(small, 'two', ns);
    await stage().labels(`${collectionOf(small, ns)}/two`, isProd);
    await othersGoOn('after-status');
    expect(listsAndWatches(seen)).toEqual([]);

    seen.length = 0;
    await crds.apply({ ...small, description: 'said in other words' });
    await crds.put(small, 'three', ns);
    await stage().labels(`${collectionOf(small, ns)}/three`, isProd);
    await othersGoOn('after-description');
    expect(listsAndWatches(seen).filter(({ path }) => path !== collectionOf(small))).toEqual([]);
  });

  test('is itself never held as a whole: we ask for metadata alone', async () => {
    const seen = recordRequests(proxied().proxy);
    await stage().startOperator({ kubeconfig: proxied().kubeconfig });
    const small = await kind({ group: 'whole.crd-life.test' });
    await label('whole', [small]);
    await crds.apply(small);
    await stage().labels(await crds.put(small, 'one', ns), isProd);
    const about = seen.filter(({ path }) => path.startsWith(CRDS) || path.includes('/apiservices'));
    // Of what is listed once more by who begins to lead, once.
    const asked = new Set(about.map(({ path, query }) => `${path.split('/').at(-1)} ${query.get('watch') ?? 'list'}`));
    expect([...asked].toSorted()).toEqual([
      'apiservices list',
      'apiservices true',
      'customresourcedefinitions list',
      'customresourcedefinitions true',
    ]);
    for (const { accept } of about)
      expect(accept).toMatch(/^application\/vnd\.kubernetes\.protobuf;as=PartialObjectMetadata/u);
  });

  test('U4: and serves a version no more: it goes on in another, and who needs that version says so', async () => {
    const small = await kind({ group: 'versions.crd-life.test', versions: [{ name: 'v1' }, { name: 'v1beta1' }] });
    await crds.apply(small);
    await crds.put(small, 'one', ns);
    await stage().startOperator();
    await label('any-version', [small]);
    await stage().labels(`${collectionOf(small, ns)}/one`, isProd);
    await crds.apply({ ...small, versions: [{ name: 'v1', served: false }, { name: 'v1beta1' }] });
    await stage().policy(
      'any-version',
      (view) => resourceOf(view, small)?.version === 'v1beta1' && is(view, 'Compliant') === 'True',
    );
    await stage().labels(await crds.put(small, 'two', ns, 'v1beta1'), isProd);
    await stage().applyPolicy('first-version', {
      mode: 'Enforce',
      match: { resources: [{ group: small.group, resource: small.plural, version: 'v1' }], namespaces: [ns] },
      rules: [{ name: 'size', set: { labels: [{ key: 'size', valueFrom: { jsonPath: '$.spec.size' } }] } }],
    });
    const view = await stage().policy('first-version', (seen) => resourceOf(seen, small)?.state === 'NotServed');
    expect(resourceOf(view, small)?.message).toContain('in v1beta1, not in v1');
    await crds.apply(small);
    await stage().labels(`${collectionOf(small, ns)}/two`, (labels) => labels['size'] === '1');
    await othersGoOn('beside');
  });

  test('U4: and stores another version: nobody notices', async () => {
    const small = await kind({ group: 'stored.crd-life.test', versions: [{ name: 'v1' }, { name: 'v1beta1' }] });
    await crds.apply(small);
    await crds.put(small, 'one', ns);
    await stage().startOperator();
    await label('stored', [small]);
    await stage().labels(`${collectionOf(small, ns)}/one`, isProd);
    await watching('stored');
    const mark = await stage().cluster.auditMark();
    await crds.apply({
      ...small,
      versions: [
        { name: 'v1', storage: false },
        { name: 'v1beta1', storage: true },
      ],
    });
    await stage().labels(await crds.put(small, 'two', ns), isProd);
    await stage().labels(await crds.put(small, 'three', ns, 'v1beta1'), isProd);
    const view = await stage().policy('stored', ({ summary }) => (summary['owned'] ?? 0) >= 3);
    expect([is(view, 'Watching'), is(view, 'Ready'), is(view, 'Compliant')]).toEqual(['True', 'True', 'True']);
    await expect
      .poll(async () => (await stage().writesSince(mark, ns)).map(({ name }) => name))
      .toEqual(['two', 'three']);
  });
});

describe('a CRD that is there and not served', () => {
  test('because of its names says where to look, costs little, and works as soon as the names are free', async () => {
    const small = await kind({ group: 'names.crd-life.test' });
    const rival = await kind({ group: 'names.crd-life.test', plural: 'rivals' });
    await crds.apply(rival);
    await crds.established(rival);
    await stage().startOperator();
    await label('names', [small]);
    await crds.apply(small);
    const view = await stage().policy(
      'names',
      (seen) =>
        resourceOf(seen, small)?.message.includes('CustomResourceDefinition') === true && is(seen, 'Ready') === 'True',
    );
    expect(resourceOf(view, small)).toMatchObject({
      state: 'NotServed',
      message: expect.stringContaining('see the conditions NamesAccepted and Established'),
    });
    await othersGoOn('beside');
    await crds.remove(rival);
    await stage().labels(await crds.put(small, 'one', ns), isProd);
  });

  test('because all its versions are switched off: its keys are kept, and it goes on when one is on again', async () => {
    const small = await kind({ group: 'off.crd-life.test' });
    await crds.apply(small);
    await crds.put(small, 'one', ns);
    await stage().startOperator();
    await label('off', [small]);
    await stage().labels(`${collectionOf(small, ns)}/one`, isProd);
    await crds.apply({ ...small, versions: [{ name: 'v1', served: false }] });
    await watching('off', 'WaitingForResources');
    await stage().deletePolicy('off');
    await othersAreFree();
    await crds.apply(small);
    // Nothing wants it any more: it is taken back once the objects can be seen again.
    expect(await stage().labels(`${collectionOf(small, ns)}/one`, (labels) => !isProd(labels))).toEqual({});
  });
});

/** Until what the policy wrote elsewhere is taken back. */
async function othersAreFree(): Promise<void> {
  await stage().waitForCount(`/api/v1/namespaces/${ns}/configmaps`, 'env=prod', 0);
}
