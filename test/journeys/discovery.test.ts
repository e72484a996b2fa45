import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PASS, type ProxiedRequest, REFUSE_BEFORE } from '../faults/proxy.ts';
import { recordRequests, useFaultProxy } from '../support/fault-proxy.ts';
import { CRDS, crdName, SmallCrds, type SmallKind } from '../support/small-crd.ts';
import { configMap, is, useStage } from '../support/stage.ts';

const stage = useStage();
const proxied = useFaultProxy(stage);
const small: SmallKind = { group: 'late.discovery.test', plural: 'widgets', kind: 'Widget' };

beforeAll(async () => {
  await stage().grant(small.group, ['*']);
});

afterAll(async () => {
  await stage().admin.delete(`${CRDS}/${crdName(small)}`);
});

const isProd = (labels: Readonly<Record<string, string>>) => labels['env'] === 'prod';
const isDiscovery = ({ path }: ProxiedRequest) => path === '/api' || path === '/apis';

async function label(ns: string): Promise<void> {
  await stage().applyPolicy('discovered', {
    mode: 'Enforce',
    match: {
      resources: [
        { group: small.group, resource: small.plural },
        { group: '', resource: 'configmaps' },
      ],
      namespaces: [ns],
    },
    rules: [{ name: 'env', set: { labels: [{ key: 'env', value: 'prod' }] } }],
  });
}

describe('row 48: discovery that fails', () => {
  test.each([
    ['wholly', isDiscovery],
    ['of all named groups', ({ path }: ProxiedRequest) => path === '/apis'],
  ])('%s from the start: policies say what is waited for, and all goes on when it is back', async (_what, fails) => {
    const ns = await stage().admin.createNamespace('discovery');
    await stage().admin.create(configMap(ns, 'early'));
    recordRequests(proxied().proxy, (request) => (fails(request) ? REFUSE_BEFORE : PASS));
    const operator = stage().launchOperator({ kubeconfig: proxied().kubeconfig });
    await label(ns);
    const view = await stage().policy('discovered', ({ conditions }) => conditions['Watching']?.reason === 'Syncing');
    expect(view.conditions['Watching']?.message).toContain('discovery cannot be read: ');
    expect(is(view, 'Ready')).toBe('False');
    const { status, body } = await operator.page('/readyz');
    expect([status, body]).toEqual([503, expect.stringContaining('discovery cannot be read: ')]);
    proxied().proxy.clear();
    await stage().labels(`/api/v1/namespaces/${ns}/configmaps/early`, isProd);
    await operator.ready();
  });

  test('N4: while it runs: what is known goes on, the server is not stormed, and what came meanwhile is found at once', async () => {
    const { admin } = stage();
    const crds = new SmallCrds(stage());
    const ns = await admin.createNamespace('discovery-runs');
    await stage().startOperator({ kubeconfig: proxied().kubeconfig });
    await label(ns);
    await stage().policy('discovered', ({ conditions }) => conditions['Watching']?.reason === 'WaitingForResources');
    const seen = recordRequests(proxied().proxy, (request) => (isDiscovery(request) ? REFUSE_BEFORE : PASS));
    await crds.apply(small);
    const path = await crds.put(small, 'meanwhile', ns);
    // Until it is asked for at its longest gap.
    const asked = () => seen.filter(({ path: of }) => of === '/apis');
    const lastGap = () => {
      const [before, last] = asked().slice(-2);
      return before === undefined || last === undefined ? 0 : last.at - before.at;
    };
    await expect.poll(lastGap).toBeGreaterThan(1_900);
    expect(asked().length).toBeLessThan(30);
    await admin.create(configMap(ns, 'beside'));
    await stage().labels(`/api/v1/namespaces/${ns}/configmaps/beside`, isProd);
    proxied().proxy.clear();
    await stage().labels(path, isProd);
  });
});
