import * as fc from 'fast-check';

/** Texts with which programs have been broken before. */
const NASTY = [
  '',
  '__proto__',
  'constructor',
  'prototype',
  'hasOwnProperty',
  'toString',
  'length',
  '../../secrets',
  '%2e%2e%2f',
  '..%2f',
  'a\u0000b',
  'a\r\nHost: x',
  '\ud800',
  '\udfff\ud800',
  '\u2028',
  'аdmin',
  '.',
  '..',
  '/',
  '*',
  '**',
  '$..*',
  "']['",
  '#/$defs/a',
  '((a{9}){9}){9}',
  '(?:a*)*$',
  '1e999',
  '-0',
  '99999999999999999999',
  '9007199254740993',
  'a'.repeat(300),
];

export const nastyText: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(...NASTY),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 20 }),
  // Lone surrogates among them.
  fc.array(fc.nat(0xffff), { maxLength: 8 }).map((units) => String.fromCharCode(...units)),
);

/** JSON with keys and values that are out of place. */
export const nastyJson: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    nastyText,
    fc.constantFrom(null, true, false, 0, -1, 1.5, 2 ** 53, 1e308, -0),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.array(fc.tuple(nastyText, tie('value')), { maxLength: 4 }).map((entries) => Object.fromEntries(entries)),
  ),
})).value;

/** One thing done to a document, somewhere. */
type Change =
  | { readonly kind: 'Replace'; readonly at: number; readonly value: unknown }
  | { readonly kind: 'Add'; readonly at: number; readonly key: string; readonly value: unknown }
  | { readonly kind: 'Drop'; readonly at: number };

const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ kind: fc.constant('Replace' as const), at: fc.nat(400), value: nastyJson }),
  fc.record({ kind: fc.constant('Add' as const), at: fc.nat(400), key: nastyText, value: nastyJson }),
  fc.record({ kind: fc.constant('Drop' as const), at: fc.nat(400) }),
);

/** Valid documents with a few things changed. */
export function mutated(documents: readonly unknown[]): fc.Arbitrary<unknown> {
  return fc
    .tuple(fc.constantFrom(...documents), fc.array(change, { maxLength: 4 }))
    .map(([document, changes]) => changes.reduce(changed, document));
}

/** A copy in which the value that is number `at`, counted from the root, is changed. */
function changed(document: unknown, { at, ...what }: Change): unknown {
  let left = at % Math.max(1, sizeOf(document));
  const visit = (value: unknown): unknown => {
    const isHere = left-- === 0;
    if (isHere && what.kind === 'Replace') return what.value;
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) {
      const items = value.map(visit);
      return isHere ? (what.kind === 'Drop' ? items.slice(1) : [...items, what.value]) : items;
    }
    const members = Object.entries(value).map(([key, member]) => [key, visit(member)] as const);
    if (!isHere) return Object.fromEntries(members);
    return Object.fromEntries(what.kind === 'Add' ? [...members, [what.key, what.value]] : members.slice(1));
  };
  return visit(document);
}

function sizeOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1;
  return Object.values(value).reduce((sum: number, member) => sum + sizeOf(member), 1);
}

/** Bytes with a few of them changed, dropped or doubled, or cut off. */
export function mutatedBytes(bytes: fc.Arbitrary<Buffer>): fc.Arbitrary<Buffer> {
  const edit = fc.record({
    at: fc.nat(),
    byte: fc.nat(255),
    kind: fc.constantFrom('Set' as const, 'Drop' as const, 'Insert' as const, 'Cut' as const),
  });
  return fc.tuple(bytes, fc.array(edit, { maxLength: 4 })).map(([whole, edits]) =>
    edits.reduce((all, { at, byte, kind }) => {
      const place = at % (all.length + 1);
      const rest = all.subarray(kind === 'Insert' ? place : place + 1);
      return Buffer.concat([
        all.subarray(0, place),
        ...(kind === 'Cut' || kind === 'Drop' ? [] : [Buffer.from([byte])]),
        ...(kind === 'Cut' ? [] : [rest]),
      ]);
    }, whole),
  );
}
