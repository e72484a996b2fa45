import { expect, test } from 'vitest';
import { type Fate, PASS, REFUSE_BEFORE } from '../faults/proxy.ts';
import { useFaultProxy } from '../support/fault-proxy.ts';
import { OperatorProcess } from '../support/operator-process.ts';
import { configMap, useStage } from '../support/stage.ts';

/** A file of its own, beside which others run: it waits for a minute. */
const stage = useStage();
const proxied = useFaultProxy(stage);
const blue = ({ team }: Readonly<Record<string, string>>) => team === 'blue';

test('N4: 500, 502, 504, time-out, broken stream: a write without an answer is given up in time, its object looked at again, and others go on', async () => {
  const { admin, cluster } = stage();
  const ns = await admin.createNamespace('answer-timeout');
  const path = (name: string) => `/api/v1/namespaces/${ns}/configmaps/${name}`;
  await admin.create(configMap(ns, 'victim'));
  const never = Promise.withResolvers<Fate>();
  let tries = 0;
  proxied().proxy.use((request) => {
    if (request.write === undefined || request.path !== path('victim')) return PASS;
    tries += 1;
    return tries === 1 ? never.promise : PASS;
  });
  await OperatorProcess.start({ kubeconfig: proxied().kubeconfig });
  const mark = await cluster.auditMark();
  await stage().applyPolicy(ns, {
    mode: 'Enforce',
    match: { resources: [{ group: '', resource: 'configmaps' }], namespaces: [ns] },
    rules: [{ name: 'team', set: { labels: [{ key: 'team', value: 'blue' }] } }],
  });
  await admin.create(configMap(ns, 'other'));
  await stage().labels(path('other'), blue);
  await stage().labels(path('victim'), blue);
  expect(tries).toBe(2);
  await expect
    .poll(async () => (await stage().writesSince(mark, ns)).map(({ name, code }) => `${name} ${code}`))
    .toEqual(['other 200', 'victim 200']);
  never.resolve(REFUSE_BEFORE);
});
