import { expect, test } from 'vitest';
import { programOf } from '../../test/support/compiled-policy.ts';
import { isElsewhere, type Namespaces } from './limits.ts';

test.each<[readonly string[] | undefined, Namespaces, boolean]>([
  [undefined, ['shop'], false],
  [['fight'], undefined, false],
  [['fight'], ['shop'], true],
  [['fight', 'shop'], ['shop', 'office'], false],
  [['sh*'], ['shop'], false],
  [['team-*', 'fight'], ['shop', 'office'], true],
])('a policy about %j, where %j is watched, is elsewhere: %j', (about, namespaces, expected) => {
  const match = { resources: [{ group: '', resource: 'configmaps' }], ...(about && { namespaces: about }) };
  const program = programOf('p', { match, rules: [{ name: 'r', require: { labels: [{ key: 'team' }] } }] });
  expect(isElsewhere(program, namespaces)).toBe(expected);
});
