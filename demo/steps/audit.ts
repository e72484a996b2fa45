import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { is } from '../../test/support/policy-view.ts';
import { between, wrote } from '../audit-trail.ts';
import { OBJECT_HEAD, POLICY_PATH, type Scene } from '../scene.ts';
import { count, duration } from '../terminal.ts';

const FOLDER = join(import.meta.dirname, '..', 'policies');

/** Two policies go in; their status tells what is wrong, and nothing is written. */
export async function audit(scene: Scene): Promise<void> {
  const { terminal, installation, trail } = scene;
  const costCenter = join(FOLDER, 'cost-center.yaml');
  terminal.say('A policy goes in: every object carries the cost center of its namespace.');
  terminal.quote(withoutHeader(await readFile(costCenter, 'utf8')));
  terminal.say('A second one, "team", goes in too. It writes nothing; it requires a label.');

  const mark = await trail.mark();
  await installation.admin.applyFile(costCenter);
  await installation.admin.applyFile(join(FOLDER, 'team.yaml'));
  const { summary, violations, violationsTotal } = await installation.policy(
    'cost-center',
    (policy) => is(policy, 'Compliant') === 'False',
  );
  await installation.policy('team', (policy) => is(policy, 'Compliant') === 'False');

  const path = `${POLICY_PATH}/cost-center`;
  const applied = await trail.first(mark, 'the new policy', (entry) => wrote(entry, path));
  const reports = await trail.ofStatus(mark);
  const reported = reports.findLast(({ name }) => name === 'cost-center');
  const took = reported === undefined ? '' : ` ${duration(between(applied, reported))} after it went in`;
  terminal.result(
    `The policy's status${took}: ${count(summary['matched'] ?? 0, 'object')} matched, ${violationsTotal} to change.`,
  );
  terminal.table(
    [...OBJECT_HEAD, 'MESSAGE'],
    violations.map(({ namespace = '', kind, name, message }) => [namespace, kind, name, message]),
  );
  const writes = await trail.ofObjects(mark);
  terminal.result(
    `Writes by the operator in the API server's audit log: ${reports.length} to the policies' status, ${writes.length} to objects.`,
  );
}

function withoutHeader(text: string): string {
  return text.slice(text.indexOf('spec:'));
}
