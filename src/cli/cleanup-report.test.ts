import { expect, test } from 'vitest';
import type { KindCleanup } from '../write/cleanup.ts';
import { cleanupReport } from './cleanup-report.ts';

const kind = (name: string, fields: Partial<KindCleanup> = {}): KindCleanup => ({
  kind: name,
  objects: 10,
  found: 0,
  cleaned: 0,
  labels: 0,
  annotations: 0,
  retained: 0,
  protected: 0,
  problem: undefined,
  ...fields,
});

test('kinds with something to say have a line, and all are counted', () => {
  const kinds = [
    kind('configmaps', { found: 3, cleaned: 3, labels: 3, annotations: 2 }),
    kind('pods'),
    kind('services', { found: 2, cleaned: 1, labels: 2, problem: 'a/b: no' }),
  ];
  expect(cleanupReport({ kinds, dryRun: false, retained: false })).toBe(
    `KIND         OBJECTS   WITH KEYS   LABELS   ANNOTATIONS   RETAINED   PROTECTED   RESULT
configmaps        10           3        3             2          0           0   cleaned
services          10           2        2             0          0           0   1 of 2 cleaned; a/b: no

Looked at 30 objects of 3 kinds; cleaned 4 of 5 objects.
1 kind was not finished; see RESULT.
`,
  );
});

test('a dry run says what would be', () => {
  const report = cleanupReport({ kinds: [kind('pods', { found: 1, labels: 1 })], dryRun: true, retained: false });
  expect(report).toContain('would be cleaned');
  expect(report).toContain('would remove 1 key on 1 object. Nothing was changed.');
});

test('where nothing is found it says so', () => {
  expect(cleanupReport({ kinds: [kind('pods')], dryRun: false, retained: false })).toBe(
    'Looked at 10 objects of 1 kind; there is nothing to remove.\n',
  );
});

test('keys that are to stay are told of, unless they went too', () => {
  const kinds = [kind('pods', { retained: 1 })];
  expect(cleanupReport({ kinds, dryRun: false, retained: false })).toContain('1 key is to stay');
  expect(cleanupReport({ kinds, dryRun: false, retained: true })).not.toContain('to stay');
});

test('a kind with nothing but protected keys has a line, and they are counted, whatever was asked for', () => {
  const kinds = [kind('pods', { protected: 2 }), kind('services')];
  expect(cleanupReport({ kinds, dryRun: false, retained: true })).toBe(
    `KIND   OBJECTS   WITH KEYS   LABELS   ANNOTATIONS   RETAINED   PROTECTED   RESULT
pods        10           0        0             0          0           2   nothing to remove

Looked at 20 objects of 2 kinds; there is nothing to remove.
2 protected keys were left, as no policy may write them; --allow-keys removes those that the operator was allowed to write.
`,
  );
});

test('one protected key is told of as one', () => {
  expect(cleanupReport({ kinds: [kind('pods', { protected: 1 })], dryRun: false, retained: false })).toContain(
    '\n1 protected key was left, as no policy may write it; --allow-keys removes it where the operator was allowed to write it.\n',
  );
});
