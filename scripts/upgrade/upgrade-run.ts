import { join } from 'node:path';
import { type Admin, createAdmin } from '../../test/cluster/api.ts';
import type { AuditMark } from '../../test/cluster/audit-log.ts';
import type { ClusterHandle } from '../../test/cluster/cluster-handle.ts';
import { eventually } from '../../test/cluster/eventually.ts';
import type { Watchdog } from '../../test/cluster/watchdog.ts';
import { POLICIES } from '../../test/support/installation.ts';
import { is, viewOf } from '../../test/support/policy-view.ts';
import type { ProductProcess } from '../../test/support/product-process.ts';
import { versions } from '../../test/upgrade/fleet-cluster.ts';
import { makeFleet } from '../../test/upgrade/make-fleet.ts';
import { atRest, operatorOf } from './operator.ts';
import type { Revision } from './revision.ts';

export interface Outcome {
  readonly step: string;
  /** Objects of another resourceVersion than before. */
  readonly objects: number;
  /** Carried out by the server; beyond one for each object to which something happened. */
  readonly writes: number;
  readonly statuses: number;
  readonly ledger: number;
  readonly events: number;
  readonly ready: string;
  /** Two versions ran: where the older one knows no Lease, either writes, and the second of two equal writes changes nothing. */
  readonly isOverlap: boolean;
}

type Which = 'older' | 'newer';

/** An older and a newer version over one cluster, with objects and policies that both know. */
export class UpgradeRun {
  readonly #cluster: ClusterHandle;
  readonly #admin: Admin;
  readonly #watchdog: Watchdog;
  readonly #versions: Readonly<Record<Which, Revision>>;
  readonly #kubeconfig: string;
  readonly #share: number;
  #namespace = '';
  #teams = 0;
  #running = 0;

  private constructor(
    cluster: ClusterHandle,
    admin: Admin,
    watchdog: Watchdog,
    of: Readonly<Record<Which, Revision>>,
    kubeconfig: string,
    share: number,
  ) {
    this.#cluster = cluster;
    this.#admin = admin;
    this.#watchdog = watchdog;
    this.#versions = of;
    this.#kubeconfig = kubeconfig;
    this.#share = share;
  }

  static async begin(
    cluster: ClusterHandle,
    watchdog: Watchdog,
    of: Readonly<Record<Which, Revision>>,
    share: number,
  ): Promise<UpgradeRun> {
    const admin = await createAdmin(cluster);
    await installFrom(admin, of.older.folder);
    const kubeconfig = await cluster.kubeconfigFor({ namespace: 'watchkeeper', name: 'watchkeeper' });
    return new UpgradeRun(cluster, admin, watchdog, of, kubeconfig, share);
  }

  async all(): Promise<readonly Outcome[]> {
    const first = await this.#start('older');
    const { namespace } = await makeFleet(this.#admin, (ns) => atRest(this.#admin, first, ns), this.#share);
    this.#namespace = namespace;
    const outcomes: Outcome[] = [];
    let running = first;
    const replace = async (by: Which): Promise<void> => {
      await running.stop();
      running = await this.#start(by);
    };
    outcomes.push(
      await this.#step(
        'the older one starts again',
        async () => replace('older'),
        () => running,
      ),
    );
    for (const [step, by] of [
      ['upgrade', 'newer'],
      ['downgrade', 'older'],
    ] as const) {
      outcomes.push(
        await this.#step(
          step,
          async () => replace(by),
          () => running,
        ),
      );
      outcomes.push(await this.#relabelled(`after the ${step}: a namespace gets another label`, running));
    }
    // A rolling update: the new one starts before the old one has ended.
    let beside = running;
    const overlap = async () => {
      beside = await this.#start('newer');
    };
    outcomes.push(await this.#step('the newer one joins the older one', overlap, () => beside));
    outcomes.push(await this.#relabelled('both run: a namespace gets another label', beside));
    outcomes.push(
      await this.#step(
        'the older one ends',
        async () => void (await running.stop()),
        () => beside,
      ),
    );
    outcomes.push(await this.#relabelled('the newer one alone: a namespace gets another label', beside));
    await beside.stop();
    return outcomes;
  }

  end(): void {
    this.#admin.close();
  }

  async #start(which: Which): Promise<ProductProcess> {
    const { folder, bundle } = this.#versions[which];
    await installFrom(this.#admin, folder);
    const operator = operatorOf(bundle, this.#kubeconfig, this.#watchdog, which);
    this.#running += 1;
    void operator.exited.then(() => (this.#running -= 1));
    await operator.ready();
    return operator;
  }

  async #step(step: string, act: () => Promise<void>, running: () => ProductProcess): Promise<Outcome> {
    const before = await versions(this.#admin, this.#namespace);
    const mark = await this.#cluster.auditMark();
    await act();
    await atRest(this.#admin, running(), this.#namespace);
    const after = await versions(this.#admin, this.#namespace);
    const objects = [...after].filter(([path, version]) => before.get(path) !== version).length;
    return { step, objects, ...(await this.#counted(mark, 0)) };
  }

  /** The objects that follow the label are written once each, and no other. */
  async #relabelled(step: string, running: ProductProcess): Promise<Outcome> {
    const before = await versions(this.#admin, this.#namespace);
    const mark = await this.#cluster.auditMark();
    this.#teams += 1;
    const team = `team-${this.#teams}`;
    await this.#admin.patch(`/api/v1/namespaces/${this.#namespace}`, { metadata: { labels: { team } } });
    const followers = [...before.keys()].filter((path) => /\/(plain|displaced|shared)-\d+$/.test(path));
    const collection = `/api/v1/namespaces/${this.#namespace}/configmaps?labelSelector=team%3D${team}`;
    await eventually(
      'objects with the new label',
      async () => (await this.#admin.list(collection)).items.length,
      (count) => count === followers.length,
      { timeoutMs: 60_000, intervalMs: 200 },
    );
    await atRest(this.#admin, running, this.#namespace);
    const after = await versions(this.#admin, this.#namespace);
    const expected = new Set(followers);
    const objects = [...after].filter(([path, version]) => before.get(path) !== version && !expected.has(path)).length;
    return { step, objects, ...(await this.#counted(mark, followers.length)) };
  }

  async #counted(mark: AuditMark, expected: number): Promise<Omit<Outcome, 'step' | 'objects'>> {
    const entries = (await this.#cluster.entriesSince(mark)).filter(
      ({ userAgent, code }) => userAgent.startsWith('watchkeeper/') && code < 300,
    );
    const count = (of: (entry: (typeof entries)[number]) => boolean) => entries.filter(of).length;
    const policies = (await this.#admin.list(POLICIES)).items.map(viewOf);
    const ready = policies.filter((policy) => is(policy, 'Ready') === 'True').length;
    return {
      writes: count(({ namespace, resource }) => namespace === this.#namespace && resource !== 'events') - expected,
      statuses: count(({ resource }) => resource === 'watchpolicies'),
      ledger: count(({ name }) => name === 'watchkeeper-ledger'),
      events: count(({ resource }) => resource === 'events'),
      ready: `${ready} of ${policies.length}`,
      isOverlap: this.#running > 1,
    };
  }
}

async function installFrom(admin: Admin, folder: string): Promise<void> {
  await admin.applyFile(join(folder, 'deploy', 'install.yaml'));
  await admin.applyFile(join(folder, 'deploy', 'targets.yaml'));
  await admin.waitForCrd('watchpolicies.watchkeeper.dev');
}
