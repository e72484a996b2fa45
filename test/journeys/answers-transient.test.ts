import { describe, expect, test } from 'vitest';
import type { AuditMark } from '../cluster/audit-log.ts';
import { eventually } from '../cluster/eventually.ts';
import { type Fate, PASS, type ProxiedRequest, REFUSE_BEFORE } from '../faults/proxy.ts';
import { useFaultProxy } from '../support/fault-proxy.ts';
import { OperatorProcess } from '../support/operator-process.ts';
import { rotatingToken } from '../support/rotating-token.ts';
import { configMap, is, useStage } from '../support/stage.ts';

/** Answers to a write that pass: what is written in the end, with how many requests, and who goes on meanwhile. */
const stage = useStage();
const proxied = useFaultProxy(stage);

const path = (ns: string, name: string) => `/api/v1/namespaces/${ns}/configmaps/${name}`;
const blue = ({ team }: Readonly<Record<string, string>>) => team === 'blue';

const service = (namespace: string, name: string) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { namespace, name },
  spec: { ports: [{ port: 80 }] },
});

async function enforce(ns: string, action: 'set' | 'default' = 'set'): Promise<void> {
  await stage().applyPolicy(ns, {
    mode: 'Enforce',
    match: { resources: ['configmaps', 'services'].map((resource) => ({ group: '', resource })), namespaces: [ns] },
    rules: [{ name: 'team', [action]: { labels: [{ key: 'team', value: 'blue' }] } }],
  });
}

async function compliant(ns: string): Promise<void> {
  const view = await stage().policy(ns, (policy) => is(policy, 'Compliant') === 'True');
  expect(view.violations).toEqual([]);
  expect(is(view, 'Ready')).toBe('True');
}

async function codes(mark: AuditMark, ns: string): Promise<readonly number[]> {
  return (await stage().writesSince(mark, ns)).map(({ code }) => code);
}

/** An operator behind the proxy; the first `times` writes to `where` meet a fate. Returns when each write to it came. */
async function operatorWith(
  where: (path: string) => boolean,
  fate: (request: ProxiedRequest, nth: number) => Fate | Promise<Fate>,
): Promise<{ readonly operator: OperatorProcess; readonly came: { readonly path: string; readonly at: number }[] }> {
  const came: { path: string; at: number }[] = [];
  proxied().proxy.use((request) => {
    if (request.write === undefined || !where(request.path)) return PASS;
    came.push({ path: request.path, at: performance.now() });
    return fate(request, came.length);
  });
  return { operator: await OperatorProcess.start({ kubeconfig: proxied().kubeconfig }), came };
}

describe('404 (merge patch), 422 `metadata.uid: field is immutable`', () => {
  test('an object goes before its clean-up arrives: dropped, and one that has taken its name is cleaned up by a patch of its own', async () => {
    const { admin, cluster } = stage();
    const ns = await admin.createNamespace('answer-404');
    for (const name of ['gone', 'again']) await admin.create(configMap(ns, name, { legacy: 'yes' }));
    const held = new Map<string, () => void>();
    await operatorWith(
      (at) => at.startsWith(path(ns, '')),
      ({ path: at }) => {
        if (held.has(at)) return PASS;
        const { promise, resolve } = Promise.withResolvers<Fate>();
        held.set(at, () => resolve(PASS));
        return promise;
      },
    );
    const mark = await cluster.auditMark();
    await stage().applyPolicy(ns, {
      mode: 'Enforce',
      match: { resources: [{ group: '', resource: 'configmaps' }], namespaces: [ns] },
      rules: [{ name: 'clean', remove: { labels: ['legacy'] } }],
    });
    await eventually(
      'both patches',
      async () => held.size,
      (size) => size === 2,
    );
    await admin.delete(path(ns, 'gone'));
    await admin.delete(path(ns, 'again'));
    await admin.create(configMap(ns, 'again', { legacy: 'anew' }, { a: 'second' }));
    for (const release of held.values()) release();

    await stage().labels(path(ns, 'again'), ({ legacy }) => legacy === undefined);
    await compliant(ns);
    expect(await admin.find(path(ns, 'gone'))).toBeUndefined();
    await expect.poll(async () => (await codes(mark, ns)).toSorted((a, b) => a - b)).toEqual([200, 404, 422]);
  });
});

describe('409 Conflict with resourceVersion precondition', () => {
  test('N7: our picture was old: evaluated again, and a default never displaces what somebody set meanwhile', async () => {
    const { admin, cluster } = stage();
    const ns = await admin.createNamespace('answer-409');
    await admin.create(configMap(ns, 'changed'));
    await admin.create(configMap(ns, 'taken'));
    const held = new Map<string, () => void>();
    const { came } = await operatorWith(
      (at) => at.startsWith(path(ns, '')),
      ({ path: at }) => {
        if (held.has(at)) return PASS;
        const { promise, resolve } = Promise.withResolvers<Fate>();
        held.set(at, () => resolve(PASS));
        return promise;
      },
    );
    const mark = await cluster.auditMark();
    await enforce(ns, 'default');
    await eventually(
      'both writes',
      async () => held.size,
      (size) => size === 2,
    );
    await admin.patch(path(ns, 'changed'), { data: { a: 'c' } });
    await admin.patch(path(ns, 'taken'), { metadata: { labels: { team: 'red' } } });
    for (const release of held.values()) release();

    await stage().labels(path(ns, 'changed'), blue);
    await compliant(ns);
    expect((await admin.get(path(ns, 'taken'))).metadata.labels).toEqual({ team: 'red' });
    await expect
      .poll(async () => (await codes(mark, ns)).filter((code) => code !== 0).toSorted((a, b) => a - b))
      .toEqual([200, 409, 409]);
    expect(came).toHaveLength(3);
  });
});

describe('429, 503 with Retry-After', () => {
  test.each([429, 503])(
    'N3: %i: the whole room waits as told, then all is written, each object once',
    async (status) => {
      const { admin, cluster } = stage();
      const ns = await admin.createNamespace(`answer-${status}`);
      await admin.createMany(Array.from({ length: 40 }, (_, i) => configMap(ns, `cm-${i}`)));
      await admin.create(service(ns, 'another'));
      const { operator, came } = await operatorWith(
        (at) => at.includes(`/namespaces/${ns}/`),
        (_, nth) => (nth === 1 ? { kind: 'Answer', status, retryAfter: 2, body: 'overloaded' } : PASS),
      );
      const mark = await cluster.auditMark();
      await enforce(ns);
      await stage().waitForCount(path(ns, '').slice(0, -1), 'team=blue', 40);
      await stage().labels(`/api/v1/namespaces/${ns}/services/another`, blue);
      await compliant(ns);
      // Those that were on their way with the first cannot be called back; no other is sent before the two seconds are over.
      const [first = 0, ...others] = came.map(({ at }) => at - (came[0]?.at ?? 0));
      const late = others.filter((at) => at > 500);
      expect(first).toBe(0);
      expect(Math.min(...late)).toBeGreaterThan(1_900);
      expect(others.length - late.length).toBeLessThan(16);
      expect(late.length).toBeGreaterThan(20);
      await expect.poll(async () => codes(mark, ns)).toEqual(Array.from({ length: 41 }, () => 200));
      expect(await operator.metric('watchkeeper_writes_total', 'result="Overloaded"')).toBe(1);
    },
  );
});

describe('500, 502, 504, time-out, broken stream', () => {
  const fates: readonly (readonly [string, Fate])[] = [
    ...[500, 502, 503, 504].map((status) => [`${status}`, { kind: 'Answer', status, body: 'no' }] as const),
    ['broken stream', REFUSE_BEFORE],
  ];

  test.each(fates)('N4: %s: tried again with back-off, and others go on', async (_, fate) => {
    const { admin, cluster } = stage();
    const ns = await admin.createNamespace('answer-5xx');
    await admin.create(configMap(ns, 'victim'));
    const { operator, came } = await operatorWith(
      (at) => at === path(ns, 'victim'),
      (_request, nth) => (nth <= 6 ? fate : PASS),
    );
    const mark = await cluster.auditMark();
    await enforce(ns);
    await admin.create(configMap(ns, 'other'));
    await admin.create(service(ns, 'another'));
    await stage().labels(path(ns, 'other'), blue);
    await stage().labels(`/api/v1/namespaces/${ns}/services/another`, blue);
    await stage().labels(path(ns, 'victim'), blue);
    await compliant(ns);
    // 5 ms, doubling, with jitter up to a fifth.
    expect(came).toHaveLength(7);
    const gaps = came.slice(1).map(({ at }, i) => at - (came[i]?.at ?? 0));
    expect(gaps.at(-1)).toBeGreaterThan(120);
    await expect.poll(async () => codes(mark, ns)).toEqual([200, 200, 200]);
    expect(await operator.metric('watchkeeper_writes_total', 'result="Unknown"')).toBe(6);
  });
});

describe('401', () => {
  test('the token was rotated: it is read anew once for all that meet it, and nothing is lost', async () => {
    const { admin, cluster } = stage();
    const ns = await admin.createNamespace('answer-401');
    const token = await rotatingToken(cluster, admin);
    await admin.createMany(Array.from({ length: 20 }, (_, i) => configMap(ns, `before-${i}`)));
    const operator = await OperatorProcess.start({ kubeconfig: token.kubeconfig });
    await enforce(ns);
    await stage().waitForCount(path(ns, '').slice(0, -1), 'team=blue', 20);

    // The file has no newer one yet: nothing can be written, and that is no reason to give up.
    await token.revoke();
    await admin.create(configMap(ns, 'between'));
    await eventually('a 401', async () => operator.lines.some(({ msg }) => msg.includes('answered 401')), Boolean);
    expect(await admin.get(path(ns, 'between'))).toMatchObject({ metadata: { labels: {} } });
    await token.renew();
    await stage().labels(path(ns, 'between'), blue);
    await admin.create(configMap(ns, 'after'));
    await stage().labels(path(ns, 'after'), blue);
    await compliant(ns);
  });
});
