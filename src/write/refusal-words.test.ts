import { expect, test } from 'vitest';
import { refusalWords } from './refusal-words.ts';

const CONFIG_MAPS = { group: '', resource: 'configmaps' };
const SECRETS = { group: '', resource: 'secrets' };
const POLICY = `configmaps "x" is forbidden: ValidatingAdmissionPolicy 'strong' with binding 'strong' denied request:`;
const WEBHOOK = 'admission webhook "strong.acme.io" denied the request:';

const body = { data: { a: 'hunter2-a', b: null, nested: [{ c: 'hunter2 "c"' }, undefined, 7] } };

test.each([POLICY, WEBHOOK])('what we read of the object is cut out of what %s', (who) => {
  const words = `${who} hunter2-a and hunter2 "c" are too weak, so is hunter2-n`;
  expect(refusalWords(CONFIG_MAPS, { body }, ['hunter2-n'], words)).toBe(
    `${who} (not shown) and (not shown) are too weak, so is (not shown)`,
  );
});

test('words that quote nothing stand as they are', () => {
  expect(refusalWords(CONFIG_MAPS, { body }, [], `${WEBHOOK} label 'team' is missing`)).toBe(
    `${WEBHOOK} label 'team' is missing`,
  );
  expect(refusalWords(CONFIG_MAPS, { body: undefined }, [], `${POLICY} no`)).toBe(`${POLICY} no`);
});

test.each([POLICY, WEBHOOK])('of a Secret, of which nothing is read, only who refused is shown: %s', (who) => {
  expect(refusalWords(SECRETS, { body: undefined }, [], `${who} hunter2 is too weak`)).toBe(
    `${who} (its words are not shown, as they may quote the Secret)`,
  );
});

test("the API server's own words are shown without the values in them", () => {
  expect(refusalWords(SECRETS, { body: undefined }, [], 'metadata.labels: Invalid value: "hunter2": too long')).toBe(
    'metadata.labels: Invalid value: (not shown): too long',
  );
});

test("what a rule of a CRD says is shown without the object's texts", () => {
  const object = { body: { spec: { token: 'hunter2-x' } } };
  const words = 'Widget.acme.io "x" is invalid: spec: Invalid value: "object": token hunter2-x is not allowed';
  expect(refusalWords({ group: 'acme.io', resource: 'widgets' }, object, [], words)).toBe(
    'Widget.acme.io "x" is invalid: spec: Invalid value: (not shown): token (not shown) is not allowed',
  );
});

test("words before those of admission are shown without the object's texts too", () => {
  expect(refusalWords(CONFIG_MAPS, { body }, [], 'token hunter2-a denied the request: hunter2-a')).toBe(
    'token (not shown) denied the request: (not shown)',
  );
});

test('of a conversion webhook no words are shown', () => {
  const words = 'conversion webhook for x/v1, Kind=Y failed: cannot convert token "hunter2-x"';
  expect(refusalWords({ group: 'x', resource: 'ys' }, { body: undefined }, [], words)).toBe(
    'conversion webhook for x/v1, Kind=Y failed: (not shown)',
  );
});
