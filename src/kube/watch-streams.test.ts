import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  arbitrarySample,
  bytesField,
  cutAt,
  jsonMetadata,
  protobufAnswer,
  protobufFrame,
  protobufStatus,
  type SampleMetadata,
  type SampleStatus,
  stringField,
} from '../../test/support/kube-encodings.ts';
import { outcomeOf } from '../../test/support/outcome.ts';
import { Interner } from './interner.ts';
import { JsonWatchDecoder } from './json-watch.ts';
import type { WatchEvent } from './list-watch.ts';
import { ProtobufWatchDecoder } from './protobuf-watch.ts';
import type { WatchDecoder } from './watch-events.ts';

/** What both encodings of a watch have in common: how events are written, and who reads them. */
interface Encoding {
  readonly decoder: () => WatchDecoder;
  readonly event: (type: string, sample: SampleMetadata) => Buffer;
  readonly error: (status: SampleStatus) => Buffer;
}

const line = (event: object): Buffer => Buffer.from(`${JSON.stringify(event)}\n`);

const encodings: Readonly<Record<string, Encoding>> = {
  protobuf: {
    decoder: () => new ProtobufWatchDecoder(new Interner()),
    event: (type, sample) => protobufFrame(type, protobufAnswer(sample)),
    error: (status) => protobufFrame('ERROR', protobufStatus(status)),
  },
  json: {
    decoder: () => new JsonWatchDecoder({ interner: new Interner(), fields: undefined }),
    event: (type, sample) => line({ type, object: { kind: 'Pod', metadata: jsonMetadata(sample), spec: {} } }),
    error: (status) => line({ type: 'ERROR', object: { kind: 'Status', ...status } }),
  },
};

function read(decoder: WatchDecoder, chunks: readonly Buffer[]): WatchEvent[] {
  const events: WatchEvent[] = [];
  for (const chunk of chunks) decoder.push(chunk, (event) => events.push(event));
  return events;
}

describe.each(Object.entries(encodings))('a watch in %s', (_name, { decoder, event, error }) => {
  const readAll = (...chunks: readonly Buffer[]) => read(decoder(), chunks);

  test('tells what happened to which object', () => {
    const events = readAll(
      Buffer.concat(['ADDED', 'MODIFIED', 'DELETED'].map((type) => event(type, { name: type, labels: { a: '1' } }))),
    );
    expect(
      events.map((each) =>
        each.type === 'ADDED' || each.type === 'MODIFIED' || each.type === 'DELETED' ? each.object.name : '',
      ),
    ).toEqual(['ADDED', 'MODIFIED', 'DELETED']);
    expect(events[0]).toMatchObject({ type: 'ADDED', object: { labels: { a: '1' } } });
  });

  test('a bookmark has a resourceVersion and may end the initial events', () => {
    const end = { 'k8s.io/initial-events-end': 'true' };
    const bookmarks = [
      event('BOOKMARK', { name: '', resourceVersion: '8' }),
      event('BOOKMARK', { name: '', resourceVersion: '9', annotations: end }),
      event('BOOKMARK', { name: '', resourceVersion: '10', annotations: { 'k8s.io/initial-events-end': 'false' } }),
    ];
    expect(readAll(...bookmarks)).toEqual([
      { type: 'BOOKMARK', resourceVersion: '8', initialEventsEnd: false },
      { type: 'BOOKMARK', resourceVersion: '9', initialEventsEnd: true },
      { type: 'BOOKMARK', resourceVersion: '10', initialEventsEnd: false },
    ]);
  });

  test('an error in the stream is an ApiError', () => {
    const [expired] = readAll(error({ code: 410, reason: 'Expired', message: 'too old resource version: 1 (5)' }));
    expect(expired).toMatchObject({
      type: 'ERROR',
      error: { code: 'Gone', status: 410, reason: 'Expired', message: 'too old resource version: 1 (5)' },
    });
  });

  test('an error says what is wrong without the values that the server quotes', () => {
    const message = 'conversion webhook for x/v1, Kind=Y failed: cannot convert token "hunter2-x"';
    const [failed] = readAll(error({ code: 500, reason: 'InternalError', message }));
    expect(failed).toMatchObject({ error: { message: 'conversion webhook for x/v1, Kind=Y failed: (not shown)' } });
  });

  test('an error that asks to wait for years is one that asks to wait for an hour: a timer would fire at once', () => {
    const [busy] = readAll(
      error({ code: 429, reason: 'TooManyRequests', message: 'later', details: { retryAfterSeconds: 2_000_000_000 } }),
    );
    expect(busy).toMatchObject({ type: 'ERROR', error: { code: 'TooManyRequests', retryAfterMs: 3_600_000 } });
  });

  test('the same events come out wherever the bytes are cut', () => {
    const types = fc.constantFrom('ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK');
    const events = fc.array(fc.tuple(types, arbitrarySample), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(events, fc.array(fc.nat(), { maxLength: 20 }), (samples, places) => {
        const bytes = Buffer.concat(samples.map(([type, sample]) => event(type, sample)));
        const one = decoder();
        const whole = read(one, [bytes]);
        expect(whole.length).toBe(samples.length);
        expect(one.isMidEvent).toBe(false);
        expect(readAll(...cutAt(bytes, places))).toEqual(whole);
        expect(readAll(...Array.from(bytes, (byte) => Buffer.from([byte])))).toEqual(whole);
      }),
      { numRuns: 50 },
    );
  });

  test('an event comes as soon as its last byte is there, not with the next one', () => {
    const bytes = event('ADDED', { name: 'a' });
    const one = decoder();
    expect(read(one, [bytes.subarray(0, -1)])).toEqual([]);
    expect(one.isMidEvent).toBe(true);
    expect(read(one, [bytes.subarray(-1)])).toHaveLength(1);
    expect(one.isMidEvent).toBe(false);
  });

  test('a large event in small chunks is put together once, not once for each chunk', () => {
    const bytes = event('ADDED', { name: 'a', annotations: { large: 'x'.repeat(16_000_000) } });
    const places = Array.from({ length: bytes.length >> 9 }, (_, index) => index << 9);
    expect(readAll(...cutAt(bytes, places))).toHaveLength(1);
  });

  test('events before a malformed one are not lost', () => {
    const events: WatchEvent[] = [];
    const bytes = Buffer.concat([event('ADDED', { name: 'a' }), event('MOVED', { name: 'b' })]);
    expect(() => decoder().push(bytes, (each) => events.push(each))).toThrow('the unknown type "MOVED"');
    expect(events).toHaveLength(1);
  });

  test('an object without a name is malformed', () => {
    expect(() => readAll(event('ADDED', { name: '' }))).toThrow('an object without a name');
  });

  test('random bytes are read or refused', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 30 })), (chunks) => {
        const attempt = () => readAll(...chunks.map((chunk) => Buffer.from(chunk)), Buffer.from('\n'));
        expect(['Fine', 'BadResponse']).toContain(outcomeOf(attempt));
      }),
    );
  });
});

describe('a watch in protobuf', () => {
  test('a frame that claims to be huge is refused before it is awaited', () => {
    const decoder = new ProtobufWatchDecoder(new Interner());
    expect(() => read(decoder, [Buffer.from([0x7f, 0xff, 0xff, 0xff])])).toThrow('a watch event of 2147483647 bytes');
  });

  test('an error without a Status that can be read is malformed', () => {
    const frame = protobufFrame('ERROR', Buffer.concat([Buffer.from('k8s\0'), bytesField(2, Buffer.from([0xff]))]));
    expect(() => read(new ProtobufWatchDecoder(new Interner()), [frame])).toThrow('a watch error without a Status');
  });

  test('a whole object where metadata was asked for is refused', () => {
    const pod = Buffer.concat([Buffer.from('k8s\0'), bytesField(1, stringField(2, 'Pod')), bytesField(2)]);
    expect(() => read(new ProtobufWatchDecoder(new Interner()), [protobufFrame('ADDED', pod)])).toThrow(
      'a Pod where metadata',
    );
  });
});

const readText = (text: string, fields?: readonly string[]) =>
  read(new JsonWatchDecoder({ interner: new Interner(), fields }), [Buffer.from(text)]);

describe('a watch in JSON', () => {
  test('only a line feed ends a line', () => {
    const events = readText(
      '{"type":"ADDED","object":{"metadata":{"name":"a"},"data":{"x":"\u2028\u0085"}}}\r\n\n\r\n',
      ['data'],
    );
    expect(events).toMatchObject([{ type: 'ADDED', object: { name: 'a', body: { data: { x: '\u2028\u0085' } } } }]);
  });

  test('the type may come after the object', () => {
    expect(readText('{"object":{"metadata":{"name":"a"}},"type":"DELETED"}\n')).toMatchObject([
      { type: 'DELETED', object: { name: 'a' } },
    ]);
  });

  test.each([
    '<html>',
    '{"type":"ADDED"}',
    '{"type":"ADDED","object":{}}',
    '{"type":"ERROR","object":{}}',
    '{"type":"ADDED"',
  ])('the line %s is malformed', (text) => {
    expect(() => readText(`${text}\n`)).toThrow('the API server sent');
  });

  test('a line without end is refused', () => {
    const decoder = new JsonWatchDecoder({ interner: new Interner(), fields: undefined });
    const chunk = Buffer.alloc(16 * 1024 * 1024, 0x20);
    expect(() => read(decoder, [chunk, chunk, chunk, chunk, Buffer.from(' ')])).toThrow('a watch event of more than');
  });
});
