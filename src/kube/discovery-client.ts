import type { KubeClient } from './client.ts';
import type { Discovery, DiscoverySnapshot } from './discovery.ts';
import { type GroupDocument, parseDiscovery } from './discovery-document.ts';
import { buildSnapshot, keepStale } from './discovery-snapshot.ts';
import { SharedRuns } from './shared-runs.ts';

const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

/** What one of the two addresses said last. */
interface Source {
  readonly path: '/api' | '/apis';
  readonly etag: string | undefined;
  readonly groups: readonly GroupDocument[];
}

export class DiscoveryClient implements Discovery {
  readonly #client: KubeClient;
  readonly #refreshes: SharedRuns<DiscoverySnapshot>;
  #core: Source = { path: '/api', etag: undefined, groups: [] };
  #named: Source = { path: '/apis', etag: undefined, groups: [] };
  #snapshot: DiscoverySnapshot = new Map();

  constructor(client: KubeClient) {
    this.#client = client;
    this.#refreshes = new SharedRuns((signal) => this.#refresh(signal));
  }

  get snapshot(): DiscoverySnapshot {
    return this.#snapshot;
  }

  /** Asks the server after this call; who calls while another refresh runs shares the next one. */
  refresh(signal: AbortSignal): Promise<DiscoverySnapshot> {
    return this.#refreshes.join(signal);
  }

  async #refresh(signal: AbortSignal): Promise<DiscoverySnapshot> {
    const [core, named] = await Promise.all([this.#ask(this.#core, signal), this.#ask(this.#named, signal)]);
    if (core === this.#core && named === this.#named) return this.#snapshot;
    this.#core = core;
    this.#named = named;
    this.#snapshot = buildSnapshot([...core.groups, ...named.groups], this.#snapshot);
    return this.#snapshot;
  }

  /** The same source when nothing changed. */
  async #ask(source: Source, signal: AbortSignal): Promise<Source> {
    const { status, headers, body } = await this.#client.request({
      method: 'GET',
      path: source.path,
      accept: AGGREGATED,
      ...(source.etag === undefined ? {} : { headers: { 'if-none-match': source.etag } }),
      signal,
    });
    if (status === 304) return source;
    return { path: source.path, etag: headers['etag'], groups: keepStale(parseDiscovery(body), source.groups) };
  }
}
