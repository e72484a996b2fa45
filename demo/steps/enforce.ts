import { is } from '../../test/support/policy-view.ts';
import { between, wrote } from '../audit-trail.ts';
import { COST_CENTER, NAMESPACES, SAMPLES } from '../samples.ts';
import { cells, labelOf, NOTHING, OBJECT_HEAD, POLICY_PATH, type Scene } from '../scene.ts';
import { count, duration } from '../terminal.ts';

/** The policy is switched on; every object gets its label. */
export async function enforce(scene: Scene): Promise<void> {
  const { terminal, installation, trail } = scene;
  const { admin } = installation;
  const path = `${POLICY_PATH}/cost-center`;
  terminal.say('mode: Audit becomes mode: Enforce.');

  const before = await labels(scene);
  const mark = await trail.mark();
  await admin.patch(path, { spec: { mode: 'Enforce' } });
  for (const sample of SAMPLES) {
    const wanted = NAMESPACES[sample.metadata.namespace ?? ''];
    await admin.waitFor(await admin.pathOf(sample), ({ metadata }) => metadata.labels[COST_CENTER] === wanted);
  }
  const { summary } = await installation.policy('cost-center', (policy) => is(policy, 'Compliant') === 'True');
  const after = await labels(scene);

  const switched = await trail.first(mark, 'the new mode', (entry) => wrote(entry, path));
  const writes = await trail.ofObjects(mark);
  const changed = SAMPLES.filter((_, index) => before[index] !== after[index]).length;
  const last = writes.at(-1);
  const took = last === undefined ? '' : `, the last ${duration(between(switched, last))} after the policy was changed`;
  terminal.result(`${count(changed, 'object')} labelled by ${count(writes.length, 'write')}${took}.`);
  terminal.table(
    [...OBJECT_HEAD, 'COST-CENTER BEFORE', 'AFTER'],
    SAMPLES.map((sample, index) => [...cells(sample), before[index] ?? NOTHING, after[index] ?? NOTHING]),
  );
  terminal.result(`The policy's status: ${summary['compliant']} of ${summary['matched']} objects comply.`);
}

async function labels(scene: Scene): Promise<(string | undefined)[]> {
  return Promise.all(SAMPLES.map(async (sample) => labelOf(scene, sample, COST_CENTER)));
}
