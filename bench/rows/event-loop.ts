import { longTurnsMs, METERED, meter } from '../../test/support/longest-turn.ts';
import type { BenchStage } from '../stage.ts';

const TARGET = { atMost: 40 };
/** What a policy reads decides how much of each object is listed. */
const POLICIES = [
  { reads: 'metadata', rules: [{ name: 'team', require: { labels: [{ key: 'team' }] } }] },
  {
    reads: '`spec`',
    rules: [
      {
        name: 'images',
        check: {
          jsonPath: '$.spec.containers[*].image',
          quantifier: 'All',
          operator: 'Matches',
          values: ['^registry\\.example\\.com/'],
        },
      },
    ],
  },
];

/** P10: for how long the event loop of the whole operator stands still, from when a policy comes until its first exact status. */
export async function longestTurns(stage: BenchStage, pods: number): Promise<void> {
  const resources = [{ group: '', resource: 'pods', version: 'v1' }];
  for (const { reads, rules } of POLICIES) {
    const operator = await stage.startOperator([], METERED);
    await meter(operator);
    await stage.applyPolicy('first-list', { mode: 'Audit', match: { resources }, rules });
    await stage.policy('first-list', ({ summary }) => summary['matched'] === pods, 600_000);
    const what = `longest while ${pods} Pods are listed and evaluated, of which ${reads} is read`;
    stage.bench.record({ row: 'P10', what, value: longTurnsMs(operator)[0], unit: 'ms', target: TARGET });
    await stage.deletePolicy('first-list');
    await operator.stop();
  }
}
