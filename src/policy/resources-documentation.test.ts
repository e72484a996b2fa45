import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import * as z from 'zod';
import { neverTarget, skippedByGlobs } from '../api/protected-keys.ts';
import { compilePolicy } from './compile.ts';

const text = readFileSync(new URL('../../docs/resources.md', import.meta.url), 'utf8');
const rows = [...text.matchAll(/^\| (?<group>\S+) \| `(?<resource>\S+)` \| (?<named>yes|never) \|$/gmu)].map(
  ({ groups }) => ({
    group: groups?.['group'] === 'core' ? '' : (groups?.['group'] ?? '').replaceAll('`', ''),
    resource: groups?.['resource'] ?? '',
    named: groups?.['named'] ?? '',
  }),
);

test('what globs leave out is left out', () => {
  expect(rows).toHaveLength(14);
  for (const { group, resource, named } of rows) {
    const one = { group, resource: resource === '*' ? 'anything' : resource };
    expect([one, neverTarget(one) === undefined]).toEqual([one, named === 'yes']);
    expect([one, skippedByGlobs(one) === undefined]).toEqual([one, named === 'never']);
  }
});

test('the policy compiles, and is about what it says', () => {
  const yaml = /```yaml\n(?<policy>[^`]*)```/u.exec(text)?.groups?.['policy'] ?? '';
  const { spec } = z.object({ spec: z.unknown() }).parse(parse(yaml));
  const compiled = compilePolicy({ name: 'p', uid: 'u', generation: 1, spec });
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.issues));
  const about = (group: string, resource: string, scope: 'Namespaced' | 'Cluster' = 'Namespaced') =>
    compiled.program.about({ group, resource, scope }).kind;
  expect([about('', 'secrets'), about('apps', 'deployments'), about('', 'nodes', 'Cluster')]).toEqual([
    'Named',
    'Globbed',
    'None',
  ]);
  expect(about('a.internal.example.com', 'things')).toBe('Skipped');
});
