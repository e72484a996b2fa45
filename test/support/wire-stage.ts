import { vi } from 'vitest';
import type { CachedObject } from '../../src/api/object.ts';
import { systemClock } from '../../src/base/clock.ts';
import { silentLog } from '../../src/base/log.ts';
import { Informer } from '../../src/informer/informer.ts';
import type { Selection, Slice } from '../../src/informer/selection.ts';
import type { WatchSpec } from '../../src/informer/watch-spec.ts';
import { createKubeClient, type HttpKubeClient } from '../../src/kube/http-client.ts';
import type { ListWatch } from '../../src/kube/list-watch.ts';
import { createListWatch } from '../../src/kube/list-watch-client.ts';
import type { SessionLimits } from '../../src/kube/session.ts';
import { PATIENCE_MS } from '../cluster/eventually.ts';
import { Network } from '../faults/network.ts';
import { Http1Gateway } from './http1-gateway.ts';
import { jsonMetadata, type SampleMetadata } from './kube-encodings.ts';
import { ManualClock } from './manual-clock.ts';
import { type ApiCall, ScriptedApi } from './scripted-api.ts';

/** As the server writes it. */
export const widget = (
  name: string,
  resourceVersion: string,
  fields: Partial<SampleMetadata> = {},
  more: object = {},
) => ({
  kind: 'Widget',
  apiVersion: 'acme.io/v1',
  metadata: jsonMetadata({ name, namespace: 'default', uid: `uid-${name}`, resourceVersion, ...fields }),
  spec: { size: 1 },
  ...more,
});
export const bookmark = (resourceVersion: string) => ({ kind: 'Widget', metadata: { resourceVersion } });

/** Of a kind beside the widgets, or of these. */
export const specOf = (resource: string): WatchSpec => ({
  gvr: { group: 'acme.io', version: 'v1', resource },
  representation: { kind: 'Projected', fields: ['spec'] },
});

export interface WireStageOptions {
  readonly timeouts?: Partial<SessionLimits>;
  /** Of the widgets. Default: all of them. */
  readonly selection?: Selection | undefined;
  /** Whether connections go by the stage's clock as well. Default: they have the real one. */
  readonly isOneClock?: boolean;
  /** Whether a gateway that speaks HTTP/1.1 alone stands before the server. */
  readonly isHttp1?: boolean;
}

/** What the whole informer does on real connections, to a server that says what the test wants. */
export class WireStage {
  readonly api: ScriptedApi;
  /** With `isHttp1`. */
  readonly gateway: Http1Gateway | undefined;
  readonly network: Network;
  readonly client: HttpKubeClient;
  /** Of the informer. */
  readonly clock = new ManualClock();
  readonly informer: Informer;
  readonly told: string[] = [];
  readonly last = new Map<string, CachedObject>();

  static async start(options: WireStageOptions = {}): Promise<WireStage> {
    const api = await ScriptedApi.start();
    const gateway = options.isHttp1 === true ? await Http1Gateway.start(api.server.url) : undefined;
    return new WireStage(api, gateway, await Network.start((gateway ?? api.server).url), options);
  }

  private constructor(
    api: ScriptedApi,
    gateway: Http1Gateway | undefined,
    network: Network,
    { timeouts, selection, isOneClock }: WireStageOptions,
  ) {
    this.api = api;
    this.gateway = gateway;
    this.network = network;
    this.client = createKubeClient({
      credentials: api.server.credentials({ server: new URL(network.url) }),
      userAgent: 'test',
      clock: isOneClock === true ? this.clock : systemClock,
      log: silentLog,
      ...(timeouts === undefined ? {} : { timeouts }),
    });
    this.informer = new Informer({
      listWatch: (slice) => this.listWatch('widgets', slice),
      selection,
      clock: this.clock,
      random: () => 0,
      log: silentLog,
      name: 'widgets',
    });
    this.informer.addHandler({
      change: (object, previous) => {
        const { name, resourceVersion } = object;
        this.told.push(`${previous === undefined ? 'new' : previous.resourceVersion} > ${name}@${resourceVersion}`);
        this.last.set(name, object);
      },
      remove: (object) => this.told.push(`remove ${object.name}@${object.resourceVersion}`),
      synced: () => this.told.push('synced'),
    });
  }

  /** Starts, lists `a` at version 10, and watches from there. */
  readonly watching = async (): Promise<ApiCall> => {
    this.informer.start();
    (await this.api.next('list')).list('10', [widget('a', '5')]);
    const watch = (await this.api.next('watch 10')).open();
    await this.phase('Watching');
    this.told.length = 0;
    return watch;
  };

  /** On the connections of this stage. */
  readonly listWatch = (resource: string, slice: Slice = {}): ListWatch =>
    createListWatch(this.client, { ...specOf(resource), ...slice });

  readonly phase = async (phase: string): Promise<void> => {
    await vi.waitUntil(() => this.informer.status.phase === phase, { interval: 1, timeout: PATIENCE_MS });
  };

  /** Backs off now, and for so long. */
  readonly waits = async (): Promise<number> => {
    await this.phase('BackingOff');
    return this.clock.advanceToNext();
  };

  /** The next so many things that handlers are told of, and whatever came with them. */
  readonly heard = async (count: number): Promise<readonly string[]> => {
    await vi.waitUntil(() => this.told.length >= count, { interval: 1, timeout: PATIENCE_MS });
    return this.told.splice(0);
  };

  /** @throws Error where the informer left a timer, or asked for something that the test did not expect */
  async close(): Promise<void> {
    await this.informer.stop();
    await this.client.close();
    await this.network.close();
    await this.gateway?.[Symbol.asyncDispose]();
    await this.api[Symbol.asyncDispose]();
    if (this.clock.pending + this.api.unseen.length > 0)
      throw new Error(`left: ${this.clock.pending} timers, ${this.api.unseen.join()}`);
  }
}
