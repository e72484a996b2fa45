import { expect, test } from 'vitest';
import type { ControlPlaneOptions } from '../cluster/control-plane.ts';
import { recordRequests, type SeenRequest, useFaultProxy } from '../support/fault-proxy.ts';
import { useOwnStage } from '../support/own-stage.ts';
import { configMap } from '../support/stage.ts';

const CONFIG_MAPS = '/api/v1/configmaps';
const COUNT = 20;

/** What is asked of a kind with `--watch-list true`, on an API server of the file's own that has these flags. */
function useServer(options: ControlPlaneOptions) {
  const own = useOwnStage(options);
  const proxied = useFaultProxy(own.stage);
  return async (name: string) => {
    const stage = own.stage();
    const { admin } = stage;
    const ns = await admin.createNamespace(name);
    await admin.createMany(Array.from({ length: COUNT }, (_, i) => configMap(ns, `cm-${i}`)));
    const { proxy, kubeconfig } = proxied();
    const seen = recordRequests(proxy);
    const operator = await stage.startOperator({ kubeconfig, args: ['--watch-list', 'true'] });
    const labelled = async (value: string, count: number) => {
      await stage.applyPolicy('team', {
        mode: 'Enforce',
        match: { resources: [{ group: '', resource: 'configmaps' }], namespaces: [ns] },
        rules: [{ name: 'team', set: { labels: [{ key: 'team', value }] } }],
      });
      await stage.waitForCount(`/api/v1/namespaces/${ns}/configmaps`, `team=${value}`, count);
    };
    await labelled('blue', COUNT);
    await admin.create(configMap(ns, 'later'));
    await labelled('red', COUNT + 1);
    return { operator, asked: seen.filter(({ path }) => isOfConfigMaps(path, ns)).map(kindOf) };
  };
}

function isOfConfigMaps(path: string, ns: string): boolean {
  return path === CONFIG_MAPS || path === `/api/v1/namespaces/${ns}/configmaps`;
}

function kindOf({ query }: SeenRequest): string {
  if (query.get('sendInitialEvents') === 'true') return 'WatchList';
  return query.get('watch') === 'true' ? 'watch' : 'list';
}

const REFUSED = 'the server does not answer a WatchList as it should: it is asked for lists';

const modern = useServer({});
const old = useServer({ apiServerFlags: ['--feature-gates=WatchList=false'] });

test('row 16: an operator with --watch-list reads a kind by one request, and labels what it finds and what comes', async () => {
  const { operator, asked } = await modern('modern');
  expect(asked).toEqual(['WatchList']);
  expect(operator.lines.filter(({ msg }) => msg === REFUSED)).toEqual([]);
});

test('row 19: of a server without WatchLists it asks once, says so, lists, and labels the same', async () => {
  const { operator, asked } = await old('old');
  expect(asked).toEqual(['WatchList', 'list', 'watch']);
  const said = operator.lines.filter(({ msg }) => msg === REFUSED);
  expect(said).toContainEqual(expect.objectContaining({ resource: expect.stringContaining('configmaps') }));
});
