import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bytesField, intField, stringField, varint } from '../../test/support/kube-encodings.ts';
import { outcomeOf } from '../../test/support/outcome.ts';
import { bytesTag, ProtobufReader, varintTag } from './protobuf-reader.ts';

/** Walks a message to its end, going into whatever looks like a message where `deep` says so. */
function walk(reader: ProtobufReader, deep: readonly boolean[]): number {
  let steps = 0;
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    steps += 1;
    if ((tag & 7) === 2 && deep[steps % deep.length] === true) {
      const outer = reader.enter();
      reader.tag();
      reader.leave(outer);
    } else {
      reader.skip(tag);
    }
  }
  return steps;
}

describe('ProtobufReader', () => {
  test('reads integers exactly up to 2^53 on both sides of zero', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => {
        expect(new ProtobufReader(varint(value)).varint()).toBe(value);
      }),
    );
  });

  test('reads fields in any order and skips the ones nobody asks for', () => {
    const fixed = Buffer.from([9 * 8 + 1, 1, 2, 3, 4, 5, 6, 7, 8, 10 * 8 + 5, 1, 2, 3, 4]);
    const message = Buffer.concat([intField(3, 300), fixed, stringField(2, 'müller'), bytesField(5, intField(1, 7))]);
    const reader = new ProtobufReader(message);
    expect(reader.tag()).toBe(varintTag(3));
    reader.skip(varintTag(3));
    reader.skip(reader.tag());
    reader.skip(reader.tag());
    expect(reader.tag()).toBe(bytesTag(2));
    expect(reader.string()).toBe('müller');
    reader.tag();
    const outer = reader.enter();
    expect(reader.tag()).toBe(varintTag(1));
    expect(reader.varint()).toBe(7);
    expect(reader.tag()).toBe(0);
    reader.leave(outer);
    expect(reader.tag()).toBe(0);
  });

  test('a nested message may be left before its end', () => {
    const reader = new ProtobufReader(
      Buffer.concat([bytesField(1, stringField(1, 'a'), stringField(2, 'b')), intField(2, 5)]),
    );
    reader.tag();
    const outer = reader.enter();
    reader.tag();
    reader.leave(outer);
    expect(reader.tag()).toBe(varintTag(2));
  });

  test('compares a field without moving', () => {
    const reader = new ProtobufReader(stringField(1, 'Apply'));
    reader.tag();
    expect(reader.contentIs(Buffer.from('Apply'))).toBe(true);
    expect(reader.contentIs(Buffer.from('Applx'))).toBe(false);
    expect(reader.contentIs(Buffer.from('Appl'))).toBe(false);
    expect(reader.string()).toBe('Apply');
  });

  test('a nested message cannot reach out of the one around it', () => {
    const reader = new ProtobufReader(
      Buffer.concat([bytesField(1, Buffer.from([2 * 8 + 2, 5])), Buffer.from('outside')]),
    );
    reader.tag();
    reader.enter();
    reader.tag();
    expect(() => reader.string()).toThrow('ends too early');
  });

  test.each([
    ['a varint that ends early', Buffer.from([0x08, 0x80]), 'ends too early'],
    [
      'a varint of eleven bytes',
      Buffer.from([0x08, ...Array.from({ length: 10 }, () => 0xff), 1]),
      'more than 64 bits',
    ],
    ['a length past the end', Buffer.from([0x0a, 0x05, 0x61]), 'ends too early'],
    ['a length of 2^63', Buffer.concat([Buffer.from([0x0a]), varint(2n ** 63n)]), 'ends too early'],
    ['a fixed field past the end', Buffer.from([0x09, 1, 2, 3]), 'ends too early'],
    ['field number 0', Buffer.from([0x02, 0x00]), 'impossible field number'],
    ['a group', Buffer.from([0x0b]), 'unknown wire type'],
  ])('%s is malformed', (_name, bytes, message) => {
    expect(() => walk(new ProtobufReader(bytes), [false])).toThrow(message);
  });

  test('random bytes are read to the end or refused, and never read outside', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.array(fc.boolean(), { minLength: 1 }), (bytes, deep) => {
        // The bytes lie amid others that would make sense, were they read.
        const around = Buffer.concat([Buffer.alloc(16, 1), bytes, Buffer.alloc(16, 1)]);
        const attempt = () => walk(new ProtobufReader(around, 16, 16 + bytes.length), deep);
        expect(['Fine', 'BadResponse']).toContain(outcomeOf(attempt));
      }),
    );
  });
});
