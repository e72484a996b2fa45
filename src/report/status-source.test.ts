import { expect, test } from 'vitest';
import { cachedObject } from '../../test/support/cached-object.ts';
import { CONFIG_MAPS, enforcing } from '../../test/support/compiled-policy.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { quietLedger } from '../../test/support/quiet-ledger.ts';
import type { WatchedResource } from '../api/status.ts';
import type { Ledger } from '../controller/ledger.ts';
import { PolicySet } from '../controller/policy-set.ts';
import { statusOf } from './status-source.ts';
import { VerdictTable } from './verdict-table.ts';

const SETS = { rules: [{ name: 'env', set: { labels: [{ key: 'env', value: 'prod' }] } }] };
const JUDGES = { rules: [{ name: 'team', require: { labels: [{ key: 'team' }] } }] };
const row = (resource: string, state: WatchedResource['state']): WatchedResource => ({
  group: '',
  resource,
  state,
  message: '',
});
const WATCHED = [row('configmaps', 'Watching')];

/** A ledger on which these kinds are, and that cannot be written any more. */
async function brokenLedger(kinds: string): Promise<Ledger> {
  const ledger = quietLedger({
    read: async () => ({ kinds }),
    write: () => Promise.reject(new Error('configmaps is forbidden')),
  });
  await ledger.load();
  await expect(ledger.ensure('widgets.acme.io')).rejects.toThrow('configmaps is forbidden');
  return ledger;
}

/** `STATUS REASON` of the condition Ready of a policy about these resources. */
async function ready(spec: object, resources: readonly WatchedResource[], recorded = ''): Promise<string | undefined> {
  const clock = new ManualClock();
  const policies = new PolicySet();
  policies.upsert(cachedObject({ name: 'p', namespace: '', body: { spec: enforcing({ ...spec }) } }));
  const entry = policies.get('p');
  if (entry === undefined) throw new Error('there is no policy');
  const { status } = statusOf(
    entry,
    {},
    {
      clock,
      plan: { refusal: () => undefined, resources: () => ({ resources, skipped: [] }), coverage: () => 'All' },
      ledger: await brokenLedger(recorded),
      verdicts: new VerdictTable({ clock, onChange: () => {}, inForce: () => undefined }),
      shown: 20,
    },
  );
  const condition = status.conditions?.find(({ type }) => type === 'Ready');
  return condition && `${condition.status} ${condition.reason}`;
}

test.each([
  ['that writes is not Ready', SETS, WATCHED, '', 'False LedgerUnavailable'],
  ['that writes only kinds on record is Ready', SETS, WATCHED, CONFIG_MAPS.resource, 'True Ready'],
  [
    'that writes one kind that is not on record is not Ready',
    SETS,
    [...WATCHED, row('secrets', 'Watching')],
    CONFIG_MAPS.resource,
    'False LedgerUnavailable',
  ],
  ['that judges and writes nothing is Ready', JUDGES, WATCHED, '', 'True Ready'],
  ['in Audit is Ready', { ...SETS, mode: 'Audit' }, WATCHED, '', 'True Ready'],
  ['whose glob fits nothing is Ready', SETS, [row('*', 'NotServed')], '', 'True Ready'],
  [
    'that writes to one kind on record beside a glob that fits nothing is Ready',
    SETS,
    [...WATCHED, row('*', 'NotServed')],
    CONFIG_MAPS.resource,
    'True Ready',
  ],
] as const)('while the ledger cannot be written, a policy %s', async (_, spec, resources, recorded, expected) => {
  expect(await ready(spec, resources, recorded)).toBe(expected);
});
