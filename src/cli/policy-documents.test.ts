import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parsePolicies, readPolicyFiles } from './policy-documents.ts';

const POLICY = 'apiVersion: watchkeeper.dev/v1alpha1\nkind: WatchPolicy\nmetadata: {name: NAME}\nspec: {mode: Audit}\n';
const named = (name: string) => POLICY.replace('NAME', name);

function names(source: string): readonly string[] {
  return parsePolicies(source, 'x.yaml').policies.map(({ name }) => name);
}

test('policies are found in documents of YAML, in Lists, and in JSON', () => {
  expect(names(`${named('a')}---\n---\n${named('b')}`)).toEqual(['a', 'b']);
  const item = { apiVersion: 'watchkeeper.dev/v1alpha1', kind: 'WatchPolicy', metadata: { name: 'c' }, spec: {} };
  expect(names(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [item] }))).toEqual(['c']);
  expect(names(JSON.stringify({ ...item, kind: 'WatchPolicyList', items: [item, item] }))).toEqual(['c', 'c']);
  expect(names('')).toEqual([]);
});

test('documents of other kinds are counted and left alone', () => {
  const found = parsePolicies(`kind: ConfigMap\n---\n${named('a')}---\njust a word\n`, 'x.yaml');
  expect(found).toMatchObject({ others: 2, problems: [], policies: [{ name: 'a', spec: { mode: 'Audit' } }] });
});

test.each([
  ['no YAML', 'a: [', /^x\.yaml: .+/],
  ['a policy without a name', 'kind: WatchPolicy\n', /^x\.yaml: a WatchPolicy without metadata\.name$/],
  [
    'another version',
    named('a').replace('v1alpha1', 'v9'),
    /^x\.yaml: 'a': apiVersion must be watchkeeper\.dev\/v1alpha1, found 'watchkeeper\.dev\/v9'$/,
  ],
  [
    'aliases without end',
    `a: &a [1]\n${Array.from({ length: 9 }, (_, i) => `b${i}: [${'*a, '.repeat(30)}]`).join('\n')}`,
    /^x\.yaml: .*alias/i,
  ],
])('%s is told with its file', (_what, source, problem) => {
  expect(parsePolicies(source, 'x.yaml').problems).toEqual([expect.stringMatching(problem)]);
});

test('a folder is all its YAML and JSON files, and what is not there is told', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'policies-'));
  for (const file of ['b.yaml', 'a.yml']) writeFileSync(join(folder, file), named(file.charAt(0)));
  writeFileSync(join(folder, 'readme.md'), named('c'));
  const found = await readPolicyFiles([folder, join(folder, 'none.yaml')]);
  rmSync(folder, { recursive: true });
  expect(found.policies.map(({ name, where }) => [name, where])).toEqual([
    ['a', join(folder, 'a.yml')],
    ['b', join(folder, 'b.yaml')],
  ]);
  expect(found.problems).toEqual([expect.stringContaining('none.yaml: ENOENT')]);
});
