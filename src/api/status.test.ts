import { expect, test } from 'vitest';
import { BOUNDS } from './bounds.ts';
import { type WatchPolicyStatus, watchPolicyStatusSchema } from './status.ts';

const violation = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  namespace: 'a',
  name: 'web',
  rule: 'r1',
  result: 'Violation',
  severity: 'high',
  message: '...',
  since: '2026-01-01T00:00:00Z',
} as const;

const status: WatchPolicyStatus = {
  observedGeneration: 3,
  enforcedGeneration: 3,
  conditions: [
    {
      type: 'Ready',
      status: 'True',
      observedGeneration: 3,
      lastTransitionTime: '2026-01-01T00:00:00Z',
      reason: 'Ready',
      message: '',
    },
  ],
  watching: { synced: 3, notServed: 0, forbidden: 0, failed: 0, skipped: 9 },
  resources: [{ group: 'apps', resource: 'deployments', version: 'v1', state: 'Watching', message: '' }],
  summary: { matched: 80, compliant: 78, violating: 2, errors: 0, yielded: 0, owned: 41 },
  violations: [violation],
  violationsTotal: 2,
};

function times<T>(count: number, value: T): T[] {
  return Array.from({ length: count }, () => value);
}

test('the status of the API is one', () => {
  expect(watchPolicyStatusSchema.parse(status)).toEqual(status);
});

test.each<[string, unknown]>([
  ['two conditions of one type', { conditions: [...(status.conditions ?? []), ...(status.conditions ?? [])] }],
  ['a reason with blanks', { conditions: [{ ...status.conditions?.[0], reason: 'Not Ready' }] }],
  ['more violations than the list holds', { violations: times(BOUNDS.statusViolations + 1, violation) }],
  ['more resources than the list holds', { resources: times(BOUNDS.statusResources + 1, status.resources?.[0]) }],
  ['a message that is too long', { violations: [{ ...violation, message: 'x'.repeat(257) }] }],
  ['an unknown result', { violations: [{ ...violation, result: 'Fail' }] }],
  ['a negative count', { violationsTotal: -1 }],
])('%s is no status', (_, wrong) => {
  expect(watchPolicyStatusSchema.safeParse(wrong).success).toBe(false);
});
