import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { eventually } from '../cluster/eventually.ts';
import { conditionOf } from '../cluster/kube-object.ts';
import { applier } from '../support/apply-manifests.ts';
import type { Fault, Scene } from '../support/fault-story.ts';
import { useOwnStage } from '../support/own-stage.ts';
import { expectUndisturbed, useTheatre } from '../support/undisturbed.ts';
import { relabelled } from './labelled.ts';
import { type Fate, GO_AWAY, GONE, LOSE_ANSWER, PASS, REFUSE_BEFORE, REFUSE_STREAM, refusal } from './proxy.ts';

/** Its etcd is killed here. With so few requests at a time a share of one in 250 is a single seat. */
const own = useOwnStage({
  apiServerFlags: ['--max-requests-inflight=100', '--max-mutating-requests-inflight=50'],
});
const theatre = useTheatre(own.stage);

const OBJECTS = 20;

const STORY = relabelled(OBJECTS);

/** In this order, again and again. */
const TROUBLES: readonly Fate[] = [
  refusal(500, 'InternalError'),
  REFUSE_BEFORE,
  { kind: 'Answer', status: 502, body: '<html>bad gateway</html>', contentType: 'text/html' },
  LOSE_ANSWER,
  refusal(503, 'ServiceUnavailable'),
  { kind: 'Truncate', bytes: 40, end: 'Reset' },
  REFUSE_STREAM,
  refusal(504, 'Timeout'),
  GO_AWAY,
  { kind: 'Truncate', bytes: 40, end: 'Clean' },
  { kind: 'Mislabel', contentType: 'text/html' },
];

/** Every request meets a trouble, but for each fifth, until it is over. */
class Storm {
  requests = 0;
  troubles = 0;
  #isOver = false;

  begin({ proxy }: Scene): void {
    proxy.use(({ query }) => this.#next(query.get('watch') === 'true'));
    proxy.network.cut();
  }

  end(): void {
    this.#isOver = true;
  }

  async until(what: 'requests' | 'troubles', count: number): Promise<void> {
    const happened = async () => this[what];
    await eventually(`${count} ${what}`, happened, (found) => found >= count);
  }

  #next(isWatch: boolean): Fate {
    if (this.#isOver) return PASS;
    this.requests += 1;
    if (this.requests % 5 === 0) return PASS;
    const fate = TROUBLES[this.troubles % TROUBLES.length] ?? PASS;
    this.troubles += 1;
    // The answer to a watch has no end.
    return isWatch && fate.kind === 'LoseAnswer' ? GONE : fate;
  }
}

/** By then each watch has failed so often that it would wait for up to a minute if nobody woke it. */
const TROUBLES_MET = 40;
test('N4: each request fails in another way, and etcd is killed meanwhile: the same end, and no object changes twice', async () => {
  const storming: Fault = async (scene, change, at) => {
    if (at !== 2) return change();
    const storm = new Storm();
    storm.begin(scene);
    await change();
    await storm.until('troubles', TROUBLES_MET);
    await own.cluster().killEtcd();
    await storm.until('requests', storm.requests + 5);
    await own.cluster().startEtcd();
    // Changes nothing, and goes through once the API server has found it again.
    const touch = () => scene.patch(scene.path('configmaps', 'cm-1'), { annotations: { touched: null } });
    await eventually('a write', touch, () => true);
    storm.end();
    const objects = scene.path('configmaps', '').slice(0, -1);
    await own.stage().waitForCount(objects, 'team=red', OBJECTS - 1);
  };
  const comparison = await theatre().compare(STORY, storming);
  // A write whose answer was lost may be made again, and changes nothing. Statuses and Events tell of the storm.
  expectUndisturbed(comparison, { objects: OBJECTS, status: 8, events: OBJECTS, refused: 3 * OBJECTS });
});

const FLOW = '/apis/flowcontrol.apiserver.k8s.io/v1';
const LEASE_PRIORITY = join(import.meta.dirname, '..', '..', 'deploy', 'lease-priority.yaml');
/** Of the priority level, and of the schema that puts us there. */
const NARROW = 'narrow';

afterEach(async () => {
  const { admin } = own.stage();
  const paths = [
    `${FLOW}/flowschemas/watchkeeper-leader-election`,
    `${FLOW}/flowschemas/${NARROW}`,
    `${FLOW}/prioritylevelconfigurations/${NARROW}`,
  ];
  for (const path of paths) if ((await admin.find(path)) !== undefined) await admin.delete(path);
});

/** The API server says so once it goes by the schema. */
function isInForce(schema: unknown): boolean {
  return conditionOf(schema, 'Dangling')?.['status'] === 'False';
}

/** One request of ours at a time, whatever it is for, and whoever comes meanwhile is sent away; but for the Lease. */
async function narrow(): Promise<void> {
  const { admin, cluster } = own.stage();
  await applier(cluster.kubeconfig, admin).apply(LEASE_PRIORITY);
  await admin.apply({
    apiVersion: 'flowcontrol.apiserver.k8s.io/v1',
    kind: 'PriorityLevelConfiguration',
    metadata: { name: NARROW },
    spec: {
      type: 'Limited',
      limited: {
        nominalConcurrencyShares: 1,
        lendablePercent: 0,
        borrowingLimitPercent: 0,
        limitResponse: { type: 'Reject' },
      },
    },
  });
  const everything = {
    resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'], clusterScope: true }],
    nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
  };
  const serviceAccount = { name: 'watchkeeper', namespace: 'watchkeeper' };
  await admin.apply({
    apiVersion: 'flowcontrol.apiserver.k8s.io/v1',
    kind: 'FlowSchema',
    metadata: { name: NARROW },
    spec: {
      priorityLevelConfiguration: { name: NARROW },
      matchingPrecedence: 1001,
      rules: [{ subjects: [{ kind: 'ServiceAccount', serviceAccount }], ...everything }],
    },
  });
  await admin.waitFor(`${FLOW}/flowschemas/${NARROW}`, isInForce);
}

const narrowed: Fault = async (scene, change, at) => {
  if (at !== 2) return change();
  await narrow();
  await scene.answered();
  // Watches need the seat as well.
  scene.proxy.network.cut();
  await change();
};

test('N3: by its own rules the API server has one seat for us, and sends away whoever comes meanwhile: the same end, each object written once', async () => {
  const comparison = await theatre().compare(STORY, narrowed);
  // Who is sent away waits for as long as it is told, and then fewer ask at a time: writes that were one moment's work
  // come in pieces with seconds between, and each piece is told of. No write is told of twice.
  expectUndisturbed(comparison, { objects: 0, status: 4, events: OBJECTS, refused: 3 * OBJECTS });
  expect(comparison.disturbed.writes.refused).toBeGreaterThan(0);
});
