import { expect, test } from 'vitest';
import { cachedObject } from '../../test/support/cached-object.ts';
import { CONFIG_MAPS, evaluated, NODES, programOf } from '../../test/support/compiled-policy.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';
import type { DatedResult } from './findings.ts';
import { WriteLog } from './write-log.ts';

const program = programOf('p', {
  rules: [
    { name: 'team', set: { labels: [{ key: 'team', value: 'blue' }] } },
    { name: 'note', default: { annotations: [{ key: 'note', value: 'hunter2' }] } },
  ],
});
const result: DatedResult = {
  rule: 'team',
  result: 'Violation',
  code: 'WouldChange',
  severity: 'high',
  message: 'with a value: hunter2',
  since: '2030-01-01T00:00:00Z',
};
const object = cachedObject({ name: 'a', labels: { team: 'hunter2' }, resourceVersion: '5' });
const identity = { group: '', version: 'v1', resource: 'configmaps', kind: 'ConfigMap' };
const a = { ...identity, namespace: 'default', name: 'a', uid: object.uid };
const time = '2030-01-01T00:00:00.000Z';

function setUp() {
  const entries: unknown[] = [];
  return { entries, log: new WriteLog(new ManualClock(Date.UTC(2030, 0, 1)), (entry) => entries.push(entry)) };
}

test('a write says who wants each key, which versions it leads from and to, and no value', () => {
  const { entries, log } = setUp();
  const { winners } = evaluated(object, [program]);
  const report = {
    kind: CONFIG_MAPS,
    object,
    winners,
    fieldManager: 'watchkeeper',
    set: [
      { channel: 'labels', key: 'team', displaced: true },
      { channel: 'annotations', key: 'note', displaced: false },
    ],
    removed: [{ channel: 'labels', key: 'old', displaced: false }],
  } as const;
  log.wrote({ ...report, outcome: { kind: 'Written', answer: { ...object, resourceVersion: '6' } } });
  log.wrote({ ...report, outcome: { kind: 'Refused', code: 'RefusedByServer', message: 'hunter2' } });
  const by = { policy: 'p', generation: 1 };
  const keys = {
    set: [
      { in: 'labels', key: 'team', ...by, rule: 'team', displaced: true },
      { in: 'annotations', key: 'note', ...by, rule: 'note' },
    ],
    removed: [{ in: 'labels', key: 'old' }],
  };
  const common = { time, event: 'write', manager: 'watchkeeper', ...a, from: '5', ...keys };
  expect(entries).toEqual([
    { ...common, outcome: 'Written', to: '6' },
    { ...common, outcome: 'Refused', code: 'RefusedByServer' },
  ]);
  expect(JSON.stringify(entries)).not.toContain('hunter2');
});

test('a result says whether it came, ended or went with its object, since when, and no message', () => {
  const { entries, log } = setUp();
  log.changed(CONFIG_MAPS, object, program, { appeared: [result], ended: [] });
  log.changed(CONFIG_MAPS, object, program, { appeared: [], ended: [result] });
  const node = { kind: NODES, namespace: '', name: 'n', uid: 'u', policyUid: 'v', results: [result] };
  log.gone('p', node);
  const { message: _message, ...said } = result;
  const verdict = { time, event: 'verdict', policy: 'p', ...said };
  expect(entries).toEqual([
    { ...verdict, change: 'Appeared', generation: 1, ...a },
    { ...verdict, change: 'Ended', generation: 1, ...a },
    { ...verdict, change: 'Gone', group: '', version: 'v1', resource: 'nodes', kind: 'Node', name: 'n', uid: 'u' },
  ]);
});
