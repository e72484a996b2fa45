import { is, type PolicyView } from '../../test/support/policy-view.ts';
import { between, wrote } from '../audit-trail.ts';
import { SAMPLES } from '../samples.ts';
import { OBJECT_HEAD, type Scene, setLabel } from '../scene.ts';
import { count, duration } from '../terminal.ts';

/** Objects that break a rule are put right by those who own them, and the status follows. */
export async function violation(scene: Scene): Promise<void> {
  const { terminal, installation, trail } = scene;
  const before = await installation.policy('team', () => true);
  terminal.say('The policy "team" has been reporting since it went in:');
  terminal.table(
    [...OBJECT_HEAD, 'MESSAGE'],
    before.violations.map(({ namespace = '', kind, name, message }) => [namespace, kind, name, message]),
  );

  const mark = await trail.mark();
  const wrong = SAMPLES.filter(({ kind, metadata: { namespace, name } }) =>
    before.violations.some((found) => found.kind === kind && found.namespace === namespace && found.name === name),
  );
  await Promise.all(wrong.map(async (object) => setLabel(scene, object, 'team', 'checkout')));
  const after = await installation.policy('team', (policy) => is(policy, 'Compliant') === 'True');

  const paths = await Promise.all(wrong.map(async (object) => installation.admin.pathOf(object)));
  const fix = (await trail.all(mark)).findLast((entry) => paths.some((path) => wrote(entry, path)));
  const report = (await trail.ofStatus(mark)).findLast(({ name }) => name === 'team');
  const took = fix === undefined || report === undefined ? '' : ` ${duration(between(fix, report))} later`;
  terminal.result(`Their owners set team=checkout on ${count(wrong.length, 'object')};${took} the status says so:`);
  terminal.table(
    ['POLICY TEAM', 'COMPLIANT', 'MATCHED', 'VIOLATING'],
    [
      ['before', ...figures(before)],
      ['after', ...figures(after)],
    ],
  );
}

function figures(policy: PolicyView): readonly string[] {
  return [is(policy, 'Compliant'), String(policy.summary['matched']), String(policy.summary['violating'])];
}
