import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { arbitrarySample, cutAt, jsonMetadata, protobufList } from '../../test/support/kube-encodings.ts';
import { listed } from '../../test/support/listed.ts';
import type { CachedObject } from '../api/object.ts';
import { Interner } from './interner.ts';
import { JsonListDecoder } from './json-list.ts';
import type { ListDecoder } from './list-decoder.ts';
import { ProtobufListDecoder } from './protobuf-list.ts';

const listOf = (text: string) =>
  listed(new JsonListDecoder({ interner: new Interner(), fields: undefined }), [Buffer.from(text)]);

/** How many items it reads; the name of the error when it refuses. */
function outcome(decoder: ListDecoder, chunks: readonly Buffer[]): unknown {
  try {
    return listed(decoder, chunks).items.length;
  } catch (error) {
    return error instanceof Error ? error.name : error;
  }
}

const item = (name: string) => JSON.stringify({ metadata: { name }, spec: { text: 'x'.repeat(100) } });

describe('a list as JSON', () => {
  test('reads items and what the list says of itself, in any order', () => {
    const items = [{ metadata: { name: 'a' } }, { metadata: { name: 'b' } }];
    const metadata = { resourceVersion: '7', continue: 'go', remainingItemCount: 3 };
    for (const list of [
      { kind: 'List', metadata, items },
      { items, metadata },
    ]) {
      const text = JSON.stringify(list);
      const { items: read, ...rest } = listOf(text);
      expect(read.map(({ name }) => name)).toEqual(['a', 'b']);
      expect(rest).toEqual({ resourceVersion: '7', continue: 'go', bytes: text.length });
    }
  });

  test('no items may be written as null or as an empty list', () => {
    expect(listOf('{"metadata":{"resourceVersion":"1"},"items":null}').items).toEqual([]);
    expect(listOf('{"metadata":{"resourceVersion":"1"},"items":[]}').items).toEqual([]);
  });

  test('an object that is no list is refused rather than read as an empty one', () => {
    expect(() => listOf('{"kind":"Status","metadata":{},"status":"Success"}')).toThrow('no list');
    expect(() => listOf('{"items":[]}')).toThrow('no list');
  });
});

describe('a list that is still arriving', () => {
  const lists = fc.array(arbitrarySample, { maxLength: 5 }).chain((samples) =>
    fc.constantFrom<readonly [Buffer, (step: number) => ListDecoder]>(
      [
        Buffer.from(
          JSON.stringify({
            kind: 'PodList',
            size: 12,
            items: samples.map((sample) => ({ metadata: jsonMetadata(sample), spec: { n: [1, 'x'] } })),
            metadata: { resourceVersion: '7', continue: 'go' },
            more: 34,
          }),
        ),
        (step) => new JsonListDecoder({ interner: new Interner(), fields: ['spec'] }, step),
      ],
      [protobufList(samples, '7', 'go'), (step) => new ProtobufListDecoder(new Interner(), step)],
    ),
  );

  test('is the same list, however it is cut and however much is read at a time', () => {
    fc.assert(
      fc.property(
        lists,
        fc.array(fc.nat(), { maxLength: 8 }),
        fc.integer({ min: 1, max: 300 }),
        ([bytes, decoder], cuts, step) => {
          const whole = listed(decoder(bytes.length + 1), [bytes]);
          expect(whole).toMatchObject({ resourceVersion: '7', continue: 'go' });
          expect(listed(decoder(step), cutAt(bytes, cuts))).toEqual(whole);
          expect(listed(decoder(1), cutAt(bytes, [...bytes.keys()]))).toEqual(whole);
        },
      ),
    );
  });

  test('and cut short, it is refused as it always is', () => {
    fc.assert(
      fc.property(lists, fc.nat(), fc.integer({ min: 1, max: 300 }), ([bytes, decoder], place, step) => {
        const short = bytes.subarray(0, place % bytes.length);
        expect(outcome(decoder(step), cutAt(short, [1, 50, 99]))).toEqual(outcome(decoder(bytes.length + 1), [short]));
      }),
    );
  });

  test('its items are read before the rest has come, and their bytes are let go', () => {
    const decoder = new Watched({ interner: new Interner(), fields: undefined }, 64);
    decoder.push(Buffer.from(`{"metadata":{"resourceVersion":"1"},"items":[${item('a')},${item('b')},`));
    expect(decoder.names).toEqual(['a', 'b']);
    decoder.push(Buffer.from(item('c').slice(0, 80)));
    expect(decoder.names).toEqual(['a', 'b']);
    decoder.push(Buffer.from(`${item('c').slice(80)}]`));
    decoder.push(Buffer.from('}'));
    expect(decoder.end().items.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
    // What was read is not read again.
    expect(decoder.most).toBeLessThan(item('c').length + 10);
  });
});

/** Shows what it has. */
class Watched extends JsonListDecoder {
  /** Bytes that were read at a time, after the first time. */
  most = 0;
  #isFirst = true;

  get names(): readonly string[] {
    return this.items.map(({ name }: CachedObject) => name);
  }

  protected override read(bytes: Buffer, isLast: boolean): void {
    if (!this.#isFirst) this.most = Math.max(this.most, bytes.length);
    this.#isFirst = false;
    super.read(bytes, isLast);
  }
}
