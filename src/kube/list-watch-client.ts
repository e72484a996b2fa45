import type { Representation } from '../api/object.ts';
import type { GroupVersionResource } from '../api/resource.ts';
import { aborted } from './aborted.ts';
import { badAnswer } from './answer-receiver.ts';
import type { KubeClient } from './client.ts';
import { ApiError } from './errors.ts';
import { internerOf } from './interner.ts';
import { JsonListDecoder } from './json-list.ts';
import type { JsonDecoding } from './json-objects.ts';
import { JsonWatchDecoder } from './json-watch.ts';
import type { ListDecoder } from './list-decoder.ts';
import type { ListOptions, ListPage, ListWatch, WatchOptions } from './list-watch.ts';
import { isProtobuf, JSON_TEXT, METADATA_LIST, METADATA_OBJECT } from './media-types.ts';
import { collectionPath } from './paths.ts';
import { ProtobufListDecoder } from './protobuf-list.ts';
import { ProtobufWatchDecoder } from './protobuf-watch.ts';
import { WatchReader } from './watch-reader.ts';

export interface ListWatchTarget {
  readonly gvr: GroupVersionResource;
  /** Absent or '': all namespaces, and cluster-scoped kinds. */
  readonly namespace?: string | undefined;
  /** Absent: whatever the labels. */
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly representation: Representation;
}

/** Throws ApiError 'BadRequest' for a target that cannot be asked for. */
export function createListWatch(client: KubeClient, target: ListWatchTarget): ListWatch {
  return new ClientListWatch(client, target);
}

/**
 * For one page, in milliseconds: kube-apiserver itself breaks an answer off after 60 s, and does not say that it took
 * too long.
 */
const PAGE_TIMEOUT_MS = 55_000;
/**
 * Until a watch is answered, in milliseconds: less than whoever asks for it waits, so that it is the connection that is
 * said to be silent.
 */
const WATCH_ANSWER_TIMEOUT_MS = 55_000;

class ClientListWatch implements ListWatch {
  readonly #client: KubeClient;
  readonly #path: string;
  readonly #selectors: Pick<ListWatchTarget, 'labelSelector' | 'fieldSelector'>;
  readonly #decoding: JsonDecoding;

  constructor(client: KubeClient, target: ListWatchTarget) {
    const { gvr, namespace, labelSelector, fieldSelector, representation } = target;
    if (representation.kind === 'Projected' && gvr.group === '' && gvr.resource === 'secrets') {
      throw new ApiError({
        code: 'BadRequest',
        status: 0,
        reason: '',
        message: 'Secrets are only ever read as metadata',
      });
    }
    this.#client = client;
    this.#path = collectionPath(gvr, namespace);
    this.#selectors = { labelSelector, fieldSelector };
    this.#decoding = {
      interner: internerOf(client),
      fields: representation.kind === 'Projected' ? representation.fields : undefined,
    };
  }

  async list(options: ListOptions): Promise<ListPage> {
    const { signal } = options;
    let decoder: ListDecoder | undefined;
    const { status } = await this.#client.request({
      method: 'GET',
      path: this.#path,
      query: {
        ...this.#selectors,
        limit: options.limit?.toString(),
        continue: options.continue,
        resourceVersion: options.resourceVersion || undefined,
      },
      accept: this.#accept(METADATA_LIST),
      timeoutMs: PAGE_TIMEOUT_MS,
      sink: {
        begin: (headers) => {
          decoder = isProtobuf(headers['content-type'])
            ? new ProtobufListDecoder(this.#decoding.interner)
            : new JsonListDecoder(this.#decoding);
        },
        push: (chunk) => decoder?.push(chunk),
      },
      signal,
    });
    if (decoder === undefined) throw badAnswer(status, `status ${status} where a list was asked for`);
    return decoder.end();
  }

  async position(signal: AbortSignal): Promise<string> {
    return (await this.list({ limit: 1, signal })).resourceVersion;
  }

  async watch(options: WatchOptions): Promise<void> {
    const { signal } = options;
    if (signal.aborted) throw aborted(signal);
    const stop = new AbortController();
    const onAbort = () => stop.abort(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await this.#read(options, stop);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  async #read(options: WatchOptions, stop: AbortController) {
    const { resourceVersion, sendInitialEvents = false, timeoutSeconds, signal, onAsked, onOpen, onEvent } = options;
    const reader = new WatchReader(onEvent, stop);
    onAsked?.();
    const stream = await this.#client.stream(
      {
        method: 'GET',
        path: this.#path,
        query: {
          ...this.#selectors,
          watch: 'true',
          allowWatchBookmarks: 'true',
          resourceVersion: resourceVersion || undefined,
          sendInitialEvents: sendInitialEvents ? 'true' : undefined,
          resourceVersionMatch: sendInitialEvents ? 'NotOlderThan' : undefined,
          timeoutSeconds: timeoutSeconds.toString(),
        },
        accept: this.#accept(METADATA_OBJECT),
        timeoutMs: WATCH_ANSWER_TIMEOUT_MS,
        signal: stop.signal,
      },
      (chunk) => reader.push(chunk),
    );
    const contentType = stream.headers['content-type'];
    if (!isProtobuf(contentType) && contentType?.includes('json') === false) {
      stop.abort();
      // In the decoder of another format it would only be silent.
      throw badAnswer(stream.status, `a watch as '${contentType}'`);
    }
    onOpen?.();
    reader.open(
      isProtobuf(contentType)
        ? new ProtobufWatchDecoder(this.#decoding.interner)
        : new JsonWatchDecoder(this.#decoding),
    );
    try {
      await stream.ended;
    } catch (error) {
      // The stream that we broke off ourselves has said why in its last event.
      if (reader.isBroken && !signal.aborted) return;
      throw error;
    }
    reader.end();
  }

  #accept(metadata: string): string {
    return this.#decoding.fields === undefined ? metadata : JSON_TEXT;
  }
}
