import type { ServerHttp2Stream } from 'node:http2';
import { setTimeout as delay } from 'node:timers/promises';
import { protobufAnswer, protobufFrame, protobufList, type SampleMetadata } from '../support/kube-encodings.ts';
import { collectionOf, type SmallKind } from '../support/small-crd.ts';
import { type Fault, PASS } from './proxy.ts';

const PROTOBUF = 'application/vnd.kubernetes.protobuf';
/** Ten digits, so that a version can be put in the place of another. */
const FIRST_VERSION = 1_000_000_000;
const TICK_MS = 10;
/** The label that changes has one of these values. */
const STATES = ['a', 'b'] as const;

export interface FloodOptions {
  /** Its CRD is on the server, which has none of its objects. */
  readonly kind: SmallKind;
  readonly namespace: string;
  /** Names of the objects. */
  readonly names: readonly string[];
}

/**
 * Objects that change more often than a real API server could change them: list and watch of one kind are answered from
 * here, all else passes. Each has a label `state`, which is `a` at first and turns with each of its changes.
 */
export class Flood {
  readonly #collection: string;
  readonly #objects: readonly SampleMetadata[];
  readonly #frames: readonly Frame[];
  readonly #watches = new Set<ServerHttp2Stream>();
  #version = FIRST_VERSION;
  #next = 0;
  #sent = 0;
  #mostBuffered = 0;

  constructor({ kind, namespace, names }: FloodOptions) {
    this.#collection = collectionOf(kind);
    const resourceVersion = String(FIRST_VERSION);
    this.#objects = names.map((name) => {
      return {
        name,
        namespace,
        uid: `uid-${name}`,
        resourceVersion,
        created: 1,
        labels: { owner: 'me', state: STATES[0] },
      };
    });
    this.#frames = this.#objects.map((object) => new Frame(object));
  }

  /** For the proxy. */
  readonly fault: Fault = ({ method, path, query }) => {
    if (method !== 'GET' || path !== this.#collection) return PASS;
    return { kind: 'Serve', serve: (stream) => (query.has('watch') ? this.#watch(stream) : this.#list(stream)) };
  };

  /** Changes that were sent. */
  get sent(): number {
    return this.#sent;
  }

  /** Bytes that waited here for the other side to read, at most. */
  get mostBuffered(): number {
    return this.#mostBuffered;
  }

  /** How many objects are in this state now. */
  count(state: (typeof STATES)[number]): number {
    return this.#frames.filter((frame) => frame.state === state).length;
  }

  get isWatched(): boolean {
    return this.#watches.size > 0;
  }

  /** So many changes in each second, one object after another; resolves when that time is over. Those whom nobody reads wait. */
  async send(perSecond: number, ms: number): Promise<void> {
    const began = performance.now();
    const before = this.#sent;
    for (let now = began; now < began + ms; now = performance.now()) {
      const due = Math.floor(((now - began) / 1_000) * perSecond) - (this.#sent - before);
      this.#write(Math.min(due, perSecond / 10));
      await delay(TICK_MS);
    }
  }

  /** A last change of each object whose state is not this one. */
  calm(state: (typeof STATES)[number]): void {
    const chunk: Buffer[] = [];
    for (const frame of this.#frames) if (frame.state !== state) this.#change(frame, chunk);
    for (const stream of this.#watches) stream.write(Buffer.concat(chunk));
  }

  #write(count: number): void {
    for (const stream of this.#watches) if (stream.writableNeedDrain) return;
    const chunk: Buffer[] = [];
    for (let i = 0; i < count; i += 1) {
      const frame = this.#frames[this.#next % this.#frames.length];
      this.#next += 1;
      if (frame !== undefined) this.#change(frame, chunk);
    }
    const bytes = Buffer.concat(chunk);
    for (const stream of this.#watches) {
      stream.write(bytes);
      this.#mostBuffered = Math.max(this.#mostBuffered, stream.writableLength);
    }
    this.#sent += count;
  }

  #change(frame: Frame, into: Buffer[]): void {
    this.#version += 1;
    into.push(frame.turn(this.#version));
  }

  #list(stream: ServerHttp2Stream): void {
    stream.respond({ ':status': 200, 'content-type': PROTOBUF });
    stream.end(protobufList(this.#objects, String(FIRST_VERSION)));
  }

  #watch(stream: ServerHttp2Stream): void {
    stream.respond({ ':status': 200, 'content-type': `${PROTOBUF};stream=watch` });
    this.#watches.add(stream);
    stream.on('close', () => this.#watches.delete(stream));
  }
}

/** A change event of one object, made once: to make each anew would cost more than to read it. */
class Frame {
  readonly #bytes: Buffer;
  readonly #versionAt: number;
  readonly #stateAt: number;
  #turns = 0;

  constructor(object: SampleMetadata) {
    const marked = { ...object, labels: { ...object.labels, state: '\u0001' } };
    this.#bytes = protobufFrame('MODIFIED', protobufAnswer(marked));
    this.#versionAt = this.#bytes.indexOf(String(FIRST_VERSION));
    this.#stateAt = this.#bytes.lastIndexOf('state') + 'state'.length + 2;
  }

  get state(): (typeof STATES)[number] {
    return this.#turns % 2 === 0 ? 'a' : 'b';
  }

  turn(version: number): Buffer {
    this.#turns += 1;
    const bytes = Buffer.from(this.#bytes);
    bytes.write(String(version), this.#versionAt, 'latin1');
    bytes.write(this.state, this.#stateAt, 'latin1');
    return bytes;
  }
}
