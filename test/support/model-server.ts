import type { CachedObject } from '../../src/api/object.ts';
import type { ListOptions, ListPage, ListWatch, WatchEvent, WatchOptions } from '../../src/kube/list-watch.ts';
import { cachedObject } from './cached-object.ts';
import { apiError } from './scripted-list-watch.ts';

interface Snapshot {
  readonly revision: number;
  readonly objects: ReadonlyMap<string, CachedObject>;
}

interface Change extends Snapshot {
  readonly event: WatchEvent;
}

interface Stream {
  readonly options: WatchOptions;
  /** The last revision that was sent. */
  sent: number;
  /** Of a WatchList: what of the moment in which it was asked for is not sent yet; undefined once the bookmark is. */
  initial: CachedObject[] | undefined;
  readonly settle: PromiseWithResolvers<void>;
}

/**
 * What an API server does with one kind: consistent lists in pages of one moment, watches that replay history,
 * WatchLists, compaction. Lists answer, and watches send, when `work` is called, so that a test decides what comes
 * first. Uids and revisions never repeat.
 */
export class ModelServer implements ListWatch {
  readonly pageSize: number;
  #revision = 1;
  #uid = 0;
  #objects = new Map<string, CachedObject>();
  #history: Change[] = [];
  #compacted = 0;
  readonly #streams = new Set<Stream>();
  #lists: Array<{ readonly options: ListOptions; readonly settle: PromiseWithResolvers<ListPage> }> = [];
  #fail: Parameters<typeof apiError>[0] | undefined;

  constructor(pageSize: number) {
    this.pageSize = pageSize;
  }

  get objects(): ReadonlyMap<string, CachedObject> {
    return this.#objects;
  }

  get running(): number {
    return this.#streams.size + this.#lists.length;
  }

  async position(): Promise<string> {
    return String(this.#revision);
  }

  /** Creates or changes an object of the namespace `default`, and returns it as it is now. */
  write(name: string): CachedObject {
    const old = this.#objects.get(`default/${name}`);
    this.#revision += 1;
    const uid = old?.uid ?? `uid-${(this.#uid += 1)}`;
    const object = cachedObject({ name, uid, resourceVersion: String(this.#revision), body: { at: this.#revision } });
    this.#record(old === undefined ? 'ADDED' : 'MODIFIED', object);
    return object;
  }

  /** A write of labels whose answer, without body, goes to the caller. */
  patch(name: string): CachedObject | undefined {
    const old = this.#objects.get(`default/${name}`);
    if (old === undefined) return undefined;
    this.#revision += 1;
    const object = { ...old, labels: { at: String(this.#revision) }, resourceVersion: String(this.#revision) };
    this.#record('MODIFIED', object);
    return { ...object, body: undefined };
  }

  remove(name: string): void {
    const old = this.#objects.get(`default/${name}`);
    if (old === undefined) return;
    this.#revision += 1;
    this.#record('DELETED', { ...old, resourceVersion: String(this.#revision) });
  }

  /** Forgets all history: who has not seen it by now, gets 410. */
  compact(): void {
    this.#compacted = this.#revision;
    this.#history = [];
  }

  /** The next request is refused so. */
  failNext(code: Parameters<typeof apiError>[0]): void {
    this.#fail = code;
  }

  endWatches(): void {
    for (const { settle } of this.#take()) settle.resolve();
  }

  breakWatches(code: Parameters<typeof apiError>[0], inStream: boolean): void {
    for (const { settle, options } of this.#take()) {
      if (inStream) options.onEvent({ type: 'ERROR', error: apiError(code) });
      settle.reject(apiError(code));
    }
  }

  bookmark(): void {
    for (const stream of this.#streams) {
      this.#send(stream);
      // A version that the stream has not come to would be a lie.
      if (stream.initial !== undefined) continue;
      const resourceVersion = String(this.#revision);
      stream.options.onEvent({ type: 'BOOKMARK', resourceVersion, initialEventsEnd: false });
    }
  }

  /** Answers all lists that wait and sends all events that are due. */
  work(): void {
    const lists = this.#lists;
    this.#lists = [];
    for (const { options, settle } of lists) this.#answer(options, settle);
    for (const stream of this.#streams) this.#send(stream);
  }

  list(options: ListOptions): Promise<ListPage> {
    const settle = Promise.withResolvers<ListPage>();
    const waiting = { options, settle };
    this.#lists.push(waiting);
    options.signal.addEventListener('abort', () => {
      this.#lists = this.#lists.filter((other) => other !== waiting);
      settle.reject(apiError('Aborted'));
    });
    return settle.promise;
  }

  watch(options: WatchOptions): Promise<void> {
    const refusal = this.#refusal();
    if (refusal !== undefined) return Promise.reject(refusal);
    const whole = options.sendInitialEvents === true;
    const sent = whole ? this.#revision : Number(options.resourceVersion);
    if (sent < this.#compacted) return Promise.reject(apiError('Gone'));
    const initial = whole ? [...this.#objects.values()] : undefined;
    const stream: Stream = { options, sent, initial, settle: Promise.withResolvers<void>() };
    options.onAsked?.();
    this.#streams.add(stream);
    options.signal.addEventListener('abort', () => {
      this.#streams.delete(stream);
      stream.settle.reject(apiError('Aborted'));
    });
    options.onOpen?.();
    return stream.settle.promise;
  }

  #record(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: CachedObject): void {
    const key = `${object.namespace}/${object.name}`;
    if (type === 'DELETED') this.#objects.delete(key);
    else this.#objects.set(key, object);
    this.#history.push({ event: { type, object }, revision: this.#revision, objects: new Map(this.#objects) });
  }

  #answer(options: ListOptions, settle: PromiseWithResolvers<ListPage>): void {
    const refusal = this.#refusal();
    if (refusal !== undefined) {
      settle.reject(refusal);
      return;
    }
    const [revision = this.#revision, start = 0] = (options.continue ?? '').split('+').filter(Boolean).map(Number);
    const snapshot =
      revision === this.#revision ? this.#objects : this.#history.find((at) => at.revision === revision)?.objects;
    if (snapshot === undefined) {
      settle.reject(apiError('Gone'));
      return;
    }
    const end = options.limit === undefined ? Number.POSITIVE_INFINITY : start + this.pageSize;
    settle.resolve({
      items: [...snapshot.values()].slice(start, end),
      resourceVersion: String(revision),
      continue: end < snapshot.size ? `${revision}+${end}` : '',
      bytes: 0,
    });
  }

  #send(stream: Stream): void {
    if (stream.sent < this.#compacted) {
      this.#streams.delete(stream);
      stream.options.onEvent({ type: 'ERROR', error: apiError('Gone') });
      stream.settle.resolve();
      return;
    }
    const { initial } = stream;
    for (const object of initial?.splice(0, this.pageSize) ?? []) stream.options.onEvent({ type: 'ADDED', object });
    if (initial !== undefined && initial.length > 0) return;
    for (const { revision, event } of this.#history) {
      if (revision <= stream.sent) continue;
      stream.sent = revision;
      stream.options.onEvent(event);
    }
    if (initial === undefined) return;
    stream.initial = undefined;
    stream.options.onEvent({ type: 'BOOKMARK', resourceVersion: String(this.#revision), initialEventsEnd: true });
  }

  #take(): Stream[] {
    const streams = [...this.#streams];
    this.#streams.clear();
    return streams;
  }

  #refusal() {
    const code = this.#fail;
    this.#fail = undefined;
    return code === undefined ? undefined : apiError(code);
  }
}
