import { type CachedObject, objectKey } from '../../src/api/object.ts';
import { type GroupResourceName, groupResourceName } from '../../src/api/resource.ts';
import { type WatchId, type WatchTarget, watchId } from '../../src/informer/watch-spec.ts';
import type { Discovery, DiscoverySnapshot, ServedResource } from '../../src/kube/discovery.ts';
import type { ApiErrorCode } from '../../src/kube/errors.ts';
import type { ListPage, ListWatch, WatchEvent, WatchOptions } from '../../src/kube/list-watch.ts';
import type { KindContext } from '../../src/policy/program.ts';
import { cachedObject } from './cached-object.ts';
import { apiError } from './scripted-list-watch.ts';
import { serverSelection } from './server-selection.ts';

type Selects = (object: CachedObject) => boolean;

interface Stream {
  readonly options: WatchOptions;
  readonly selects: Selects;
  readonly end: PromiseWithResolvers<void>;
}

interface Resource {
  readonly objects: Map<string, CachedObject>;
  readonly streams: Set<Stream>;
  /** Every list and watch is refused so. */
  refusal: ApiErrorCode | undefined;
  /** Lists are answered after this. */
  answerAfter?: Promise<void>;
  /** Lists and watches that were asked for. */
  asked: number;
  /** Watches under way are told nothing more. */
  mute: boolean;
}

const VERBS = ['get', 'list', 'watch', 'patch'];
const CRDS = 'customresourcedefinitions.apiextensions.k8s.io';

/** What a cluster serves, its objects and its discovery; it answers at once. */
export class FakeCluster {
  /** Ids of the list-watches that were made, in order: one for each life of an informer. */
  readonly started: WatchId[] = [];
  /** What discovery says, which a real server brings up to date only after a while. */
  discovered: DiscoverySnapshot = new Map();
  discoveryAsked = 0;
  readonly #resources = new Map<GroupResourceName, Resource>();
  readonly #served = new Map<GroupResourceName, ServedResource>();
  #revision = 100;

  readonly discovery: Discovery = {
    snapshot: new Map(),
    refresh: async () => {
      this.discoveryAsked += 1;
      return this.discovered;
    },
  };

  /** Serves a kind in these versions, the preferred one first, and says so in discovery. */
  serve(
    { group, resource, version, kind, scope }: KindContext,
    verbs: readonly string[] = VERBS,
    versions: readonly string[] = [version],
  ): void {
    this.#served.set(groupResourceName({ group, resource }), {
      group,
      resource,
      versions: versions.map((served) => ({ version: served, kind, scope, verbs })),
      stale: false,
    });
    this.discover();
  }

  /** Serves a kind no more in any version, and says so in discovery. */
  unserve(name: GroupResourceName): void {
    this.#served.delete(name);
    this.#break(name, 'NotFound');
    this.discover();
  }

  /** Brings discovery up to date. */
  discover(): void {
    this.discovered = new Map(this.#served);
  }

  /** Installs a CRD whose kind is served at once; `discovered: false`: discovery does not show it yet. */
  installCrd(context: KindContext, uid: string, { discovered = true } = {}): void {
    const before = this.discovered;
    this.serve(context);
    if (!discovered) this.discovered = before;
    this.put(CRDS, cachedObject({ name: groupResourceName(context), namespace: '', uid }));
  }

  /** Deletes a CRD with all its objects; its kind stays in discovery until `discover`. */
  removeCrd(name: GroupResourceName): void {
    this.remove(CRDS, name);
    this.#served.delete(name);
    this.#resource(name).objects.clear();
    this.#break(name, 'NotFound');
  }

  /** Creates or replaces an object, in a version of its own. */
  put(name: GroupResourceName, object: CachedObject): CachedObject {
    const { objects } = this.#resource(name);
    this.#revision += 1;
    const next = { ...object, resourceVersion: String(this.#revision) };
    const previous = objects.get(objectKey(object));
    objects.set(objectKey(object), next);
    this.#send(name, previous, next);
    return next;
  }

  remove(name: GroupResourceName, key: string): void {
    const { objects } = this.#resource(name);
    const object = objects.get(key);
    if (object === undefined) throw new Error(`there is no ${name} ${key}`);
    this.#revision += 1;
    objects.delete(key);
    this.#send(name, object, undefined);
  }

  get(name: GroupResourceName, key: string): CachedObject | undefined {
    return this.#resource(name).objects.get(key);
  }

  /** Refuses every list and watch of the resource from now on, also those under way; undefined: no longer. */
  refuse(name: GroupResourceName, code: ApiErrorCode | undefined): void {
    this.#resource(name).refusal = code;
    if (code !== undefined) this.#break(name, code);
  }

  /** Holds the answers to lists of the resource back until what it returns is called. */
  holdLists(name: GroupResourceName): () => void {
    const held = Promise.withResolvers<void>();
    this.#resource(name).answerAfter = held.promise;
    return held.resolve;
  }

  /** Watches of the resource are told nothing from now on; lists go on. */
  mute(name: GroupResourceName): void {
    this.#resource(name).mute = true;
  }

  /** Lists and watches that were asked for so far. */
  asked(name: GroupResourceName): number {
    return this.#resource(name).asked;
  }

  /** Watches under way. */
  watching(name: GroupResourceName): number {
    return this.#resource(name).streams.size;
  }

  readonly createListWatch = (target: WatchTarget): ListWatch => {
    this.started.push(watchId(target));
    const name = groupResourceName(target.gvr);
    const selects = serverSelection(target);
    return {
      list: async () => {
        const { answerAfter } = this.#resource(name);
        if (answerAfter !== undefined) await answerAfter;
        return this.#list(name, selects);
      },
      position: async () => '',
      watch: (options) => this.#watch(name, options, selects),
    };
  };

  /** How often an informer of the resource was started. */
  starts(name: GroupResourceName): number {
    return this.started.filter((id) => id.startsWith(`${name} `)).length;
  }

  #resource(name: GroupResourceName): Resource {
    let resource = this.#resources.get(name);
    if (resource === undefined) {
      resource = { objects: new Map(), streams: new Set(), refusal: undefined, asked: 0, mute: false };
      this.#resources.set(name, resource);
    }
    return resource;
  }

  #problem(name: GroupResourceName): ApiErrorCode | undefined {
    this.#resource(name).asked += 1;
    return this.#resource(name).refusal ?? (this.#served.has(name) ? undefined : 'NotFound');
  }

  #list(name: GroupResourceName, selects: Selects): ListPage {
    const problem = this.#problem(name);
    if (problem !== undefined) throw apiError(problem);
    return {
      items: [...this.#resource(name).objects.values()].filter(selects),
      resourceVersion: String(this.#revision),
      continue: '',
      bytes: 0,
    };
  }

  #watch(name: GroupResourceName, options: WatchOptions, selects: Selects): Promise<void> {
    const problem = this.#problem(name);
    if (problem !== undefined) return Promise.reject(apiError(problem));
    const stream: Stream = { options, selects, end: Promise.withResolvers<void>() };
    const { streams } = this.#resource(name);
    streams.add(stream);
    options.signal.addEventListener('abort', () => {
      streams.delete(stream);
      stream.end.reject(apiError('Aborted'));
    });
    options.onOpen?.();
    return stream.end.promise;
  }

  /** To each watch what it is told: of what leaves its selection, as of what is deleted, what it was before. */
  #send(name: GroupResourceName, previous: CachedObject | undefined, next: CachedObject | undefined): void {
    const { streams, mute } = this.#resource(name);
    if (mute) return;
    for (const { options, selects } of streams) {
      const event = eventFor(previous, next, selects, String(this.#revision));
      if (event !== undefined) options.onEvent(event);
    }
  }

  #break(name: GroupResourceName, code: ApiErrorCode): void {
    const { streams } = this.#resource(name);
    for (const { end } of streams) end.reject(apiError(code));
    streams.clear();
  }
}

function eventFor(
  previous: CachedObject | undefined,
  next: CachedObject | undefined,
  selects: Selects,
  resourceVersion: string,
): WatchEvent | undefined {
  const was = previous !== undefined && selects(previous);
  if (next !== undefined && selects(next)) return { type: was ? 'MODIFIED' : 'ADDED', object: next };
  return was ? { type: 'DELETED', object: { ...previous, resourceVersion } } : undefined;
}
