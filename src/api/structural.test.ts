import { expect, test } from 'vitest';
import { structural } from './structural.ts';

test('pruning does what additionalProperties: false says, so that is dropped', () => {
  const schema = { type: 'object', properties: { a: { type: 'string' } }, additionalProperties: false };
  expect(structural(schema)).toEqual({ type: 'object', properties: { a: { type: 'string' } } });
});

test('a map keeps the schema of its values and loses that of its keys', () => {
  const schema = { type: 'object', propertyNames: { type: 'string' }, additionalProperties: { type: 'string' } };
  expect(structural(schema)).toEqual({ type: 'object', additionalProperties: { type: 'string' } });
});

test('what is free holds nothing else', () => {
  const schema = { type: 'object', additionalProperties: {}, 'x-kubernetes-preserve-unknown-fields': true };
  expect(structural(schema)).toEqual({ type: 'object', 'x-kubernetes-preserve-unknown-fields': true });
});

test('the description comes first, wherever it was', () => {
  expect(Object.keys(structural({ type: 'string', maxLength: 3, description: 'a' }))).toEqual([
    'description',
    'type',
    'maxLength',
  ]);
});

test.each([
  ['a reference', { type: 'object', properties: { a: { $ref: '#/x' } } }, '$.a: a structural schema needs one type'],
  [
    'a choice of types',
    { type: 'object', properties: { a: { anyOf: [] } } },
    '$.a: a structural schema needs one type',
  ],
  ['a choice beside a type', { type: 'array', items: { type: 'object', oneOf: [] } }, '$[]: no place for oneOf'],
  ['a constant', { type: 'string', const: 'a' }, '$: no place for const in a structural schema'],
])('refuses %s', (_, schema, message) => {
  expect(() => structural(schema)).toThrow(message);
});
