/** One event of a watch, as far as a fault wants to know it, and the very bytes in which the server sent it. */
export interface WatchedEvent {
  /** ADDED, MODIFIED, DELETED, BOOKMARK or ERROR. */
  readonly type: string;
  /** Without a leading slash; '' for a bookmark or an error. */
  readonly key: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly frame: Buffer;
}

const NEWLINE = 0x0a;
const HEADER_BYTES = 4;
/** `k8s` and a zero, before each object in protobuf. */
const MAGIC_BYTES = 4;

/** Cuts the bytes of a watch, in either encoding, into its events. */
export class EventSplitter {
  readonly #isProtobuf: boolean;
  #rest = Buffer.alloc(0);

  constructor(contentType: string) {
    this.#isProtobuf = contentType.startsWith('application/vnd.kubernetes.protobuf');
  }

  /** What came of an event that is not whole. */
  get rest(): Buffer {
    return this.#rest;
  }

  *push(chunk: Buffer): Generator<WatchedEvent, void, void> {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    for (let end = this.#frameEnd(); end > 0 && end <= this.#rest.length; end = this.#frameEnd()) {
      const frame = this.#rest.subarray(0, end);
      this.#rest = this.#rest.subarray(end);
      yield { ...(this.#isProtobuf ? fromProtobuf(frame.subarray(HEADER_BYTES)) : fromJson(frame)), frame };
    }
  }

  /** 0 while it is not known. */
  #frameEnd(): number {
    if (!this.#isProtobuf) return this.#rest.indexOf(NEWLINE) + 1;
    return this.#rest.length < HEADER_BYTES ? 0 : HEADER_BYTES + this.#rest.readUInt32BE(0);
  }
}

type Parsed = Omit<WatchedEvent, 'frame'>;

function fromJson(line: Buffer): Parsed {
  const { type, object } = JSON.parse(line.toString('utf8')) as {
    readonly type: string;
    readonly object: { readonly metadata?: Readonly<Record<string, string>> };
  };
  const { namespace = '', name = '', uid = '', resourceVersion = '' } = object.metadata ?? {};
  return { type, key: keyOf(namespace, name), uid, resourceVersion };
}

/** WatchEvent { type = 1, object = 2 { raw = 1 } }, where raw is an Unknown { raw = 2 }, here of an object { metadata = 1 }. */
function fromProtobuf(message: Buffer): Parsed {
  const type = textOf(message, 1);
  const unknown = bytesOf(bytesOf(message, 2), 1).subarray(MAGIC_BYTES);
  const metadata = type === 'ERROR' ? Buffer.alloc(0) : bytesOf(bytesOf(unknown, 2), 1);
  const key = keyOf(textOf(metadata, 3), textOf(metadata, 1));
  return { type, key, uid: textOf(metadata, 5), resourceVersion: textOf(metadata, 6) };
}

function keyOf(namespace: string, name: string): string {
  return namespace === '' ? name : `${namespace}/${name}`;
}

function textOf(message: Buffer, field: number): string {
  return bytesOf(message, field).toString('utf8');
}

/** A field that holds bytes; none of them when it is not there. */
function bytesOf(message: Buffer, wanted: number): Buffer {
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = message[at] ?? 0;
      at += 1;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const tag = varint();
    const [field, wire] = [Math.floor(tag / 8), tag % 8];
    if (wire === 0) varint();
    else if (wire === 2) {
      const length = varint();
      if (field === wanted) return message.subarray(at, at + length);
      at += length;
    } else throw new Error(`wire type ${wire} where none was expected`);
  }
  return Buffer.alloc(0);
}
