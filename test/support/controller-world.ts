import { groupResourceName } from '../../src/api/resource.ts';
import { silentLog } from '../../src/base/log.ts';
import { MetaController } from '../../src/controller/meta-controller.ts';
import type { MetaObserver } from '../../src/controller/meta-observer.ts';
import { ObjectController } from '../../src/controller/object-controller.ts';
import { PolicySet } from '../../src/controller/policy-set.ts';
import type { VerdictSink } from '../../src/controller/verdict-sink.ts';
import type { WatchedKind } from '../../src/controller/watched-kind.ts';
import type { Discovery } from '../../src/kube/discovery.ts';
import type { KindContext } from '../../src/policy/program.ts';
import { CONFIG_MAPS, NAMESPACES } from './compiled-policy.ts';
import { FakeCluster } from './fake-cluster.ts';
import { ScriptedWriter } from './kind-stage.ts';
import { ManualClock } from './manual-clock.ts';
import { QUIET_GUARD } from './quiet-guard.ts';
import { quietLedger } from './quiet-ledger.ts';

export const POLICIES = 'watchpolicies.watchkeeper.dev';

export const systemKind = (group: string, resource: string, kind: string): KindContext => ({
  group,
  resource,
  version: 'v1',
  kind,
  scope: 'Cluster',
});

/** It serves policies, CRDs, APIServices, Namespaces and ConfigMaps. */
export function systemCluster(): FakeCluster {
  const cluster = new FakeCluster();
  for (const kind of [
    systemKind('watchkeeper.dev', 'watchpolicies', 'WatchPolicy'),
    systemKind('apiextensions.k8s.io', 'customresourcedefinitions', 'CustomResourceDefinition'),
    systemKind('apiregistration.k8s.io', 'apiservices', 'APIService'),
    NAMESPACES,
    CONFIG_MAPS,
  ]) {
    cluster.serve(kind);
  }
  return cluster;
}

/** What hears of the controllers' work, and what stands in for the server. */
export interface ControllerWorldParts {
  readonly clock?: ManualClock;
  readonly verdicts: VerdictSink;
  readonly observer: MetaObserver;
  readonly onKindChange?: (kind: WatchedKind) => void;
  readonly missingVerbs?: () => Promise<readonly string[]>;
  /** Default: what the cluster serves. */
  readonly discovery?: Discovery | undefined;
}

/** The controllers together, over a cluster that serves policies, CRDs, APIServices, Namespaces and ConfigMaps. */
export class ControllerWorld {
  readonly clock: ManualClock;
  readonly cluster = systemCluster();
  readonly policies = new PolicySet();
  readonly writer = new ScriptedWriter();
  /** The ledger. */
  stored: Readonly<Record<string, string>> | undefined;
  ledgerFailure: Error | undefined;
  readonly ledger = quietLedger({
    read: async () => this.stored,
    write: async (data) => {
      if (this.ledgerFailure !== undefined) throw this.ledgerFailure;
      this.stored = data;
      return undefined;
    },
  });
  readonly objects: ObjectController;
  readonly meta: MetaController;

  constructor({
    clock = new ManualClock(),
    verdicts,
    observer,
    onKindChange = () => {},
    missingVerbs = async () => [],
    discovery,
  }: ControllerWorldParts) {
    this.clock = clock;
    const { cluster, writer, policies, ledger } = this;
    this.objects = new ObjectController({
      clock,
      log: silentLog,
      random: () => 0,
      writer,
      createGuard: () => QUIET_GUARD,
      record: ledger,
      verdicts,
      namespaceOf: (name) => this.meta.namespace(name),
      held: (kind, object) => this.meta.held.on(kind, object),
      handedOver: (kind, object) => this.meta.held.handedOver(kind, object),
      protection: () => 'Free',
      ownNamespace: 'watchkeeper',
      isReady: (kind) => this.meta.isReady(kind),
      onKindChange,
      isKnown: (kind) => this.meta.isKnown(kind),
      onKindIdle: (kind) => this.meta.kindIdle(kind),
      writeWidth: 4,
    });
    this.meta = new MetaController({
      clock,
      random: () => 0,
      log: silentLog,
      discovery: discovery ?? cluster.discovery,
      createListWatch: cluster.createListWatch,
      missingVerbs,
      policies,
      ledger,
      objects: this.objects,
      protection: () => 'Free',
      observer,
    });
    // What the writer applies, the cluster shows to its watches too.
    const write = writer.write.bind(writer);
    writer.write = async (kind, object, desired) => {
      const outcome = await write(kind, object, desired);
      if (outcome.kind !== 'Written') return outcome;
      return { kind: 'Written', answer: cluster.put(groupResourceName(kind), outcome.answer) };
    };
  }

  /** Until nothing goes on that waits for no timer. */
  async quiet(): Promise<void> {
    for (let i = 0; i < 15; i++) await this.clock.settle();
  }

  async stop(): Promise<void> {
    await this.objects.stop();
    await this.meta.stop();
    if (this.clock.pending + this.cluster.watching(POLICIES) + this.cluster.watching('configmaps') > 0)
      throw new Error('a timer or a request is left');
  }
}
