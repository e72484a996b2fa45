import { expect, test } from 'vitest';
import { Prerequisites } from './prerequisites.ts';

function setUp() {
  const policies = { underWay: 0 };
  const prerequisites = new Prerequisites({
    registry: { get: () => ({ synced: true, lastError: undefined }) },
    discovery: { snapshot: new Map(), problem: undefined },
    ledger: { problem: undefined },
    policies,
  });
  prerequisites.ledgerLoaded();
  return { prerequisites, policies };
}

test('a policy that takes its time holds up nobody, but where it is one of those that are listed anew', () => {
  const { prerequisites, policies } = setUp();
  expect(prerequisites.met).toBe(true);
  policies.underWay = 1;
  expect(prerequisites.met).toBe(true);
  prerequisites.policiesOutdated();
  expect([prerequisites.met, prerequisites.missing()]).toEqual([false, ['WatchPolicies are not compiled yet']]);
  policies.underWay = 0;
  expect(prerequisites.met).toBe(true);
});
