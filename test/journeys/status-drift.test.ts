import { expect, test } from 'vitest';
import { rewrite } from '../cluster/etcd-client.ts';
import { at } from '../cluster/kube-object.ts';
import { POLICIES } from '../support/installation.ts';
import { configMap, is, useStage } from '../support/stage.ts';

const stage = useStage();

const WRONG = {
  'a summary that is text, and a list that is none': { summary: 'none', violations: { a: 'b' } },
  'a list where a map should be': { watching: ['x'] },
};

test.each(Object.entries(WRONG))(
  'a status that was stored in a wrong shape is replaced, and written as ever after that: %s',
  async (_, wrong) => {
    const { admin, cluster } = stage();
    const ns = await admin.createNamespace('status-drift');
    await admin.create(configMap(ns, 'a'));
    await stage().applyPolicy(ns, {
      mode: 'Audit',
      match: { resources: [{ group: '', resource: 'configmaps' }], namespaces: [ns] },
      rules: [{ name: 'team', require: { labels: [{ key: 'team' }] } }],
    });
    // Written while the CustomResourceDefinition allowed it.
    await rewrite(cluster.etcdUrl, `/registry/watchkeeper.dev/watchpolicies/${ns}`, (stored) =>
      JSON.stringify({ ...JSON.parse(stored), status: wrong }),
    );
    await admin.waitFor(`${POLICIES}/${ns}`, (policy) => at(policy, 'status') !== undefined);
    const mark = await cluster.auditMark();
    await stage().startOperator();
    const said = await stage().policy(ns, (policy) => is(policy, 'Compliant') === 'False');
    expect(said.summary).toMatchObject({ matched: 1, violating: 1 });
    expect(said.violations).toMatchObject([{ name: 'a', rule: 'team' }]);
    await admin.patch(`/api/v1/namespaces/${ns}/configmaps/a`, { metadata: { labels: { team: 'x' } } });
    await stage().policy(ns, (policy) => is(policy, 'Compliant') === 'True');
    const own = (await cluster.entriesSince(mark)).filter(
      ({ userAgent, name, resource }) =>
        userAgent.startsWith('watchkeeper/') && resource === 'watchpolicies' && name === ns,
    );
    const requests = own.map(
      ({ code, requestURI }) => `${requestURI.includes('force=true') ? 'apply' : 'patch'} ${code}`,
    );
    // One apply that cannot be, and the patch; from then on it can.
    expect(requests.slice(0, 3)).toEqual(['apply 500', 'patch 200', 'apply 200']);
    expect(new Set(requests.slice(3))).toEqual(new Set(requests.length > 3 ? ['apply 200'] : []));
  },
);
