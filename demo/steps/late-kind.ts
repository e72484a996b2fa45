import { join } from 'node:path';
import { eventually } from '../../test/cluster/eventually.ts';
import { FIXTURE_CRDS } from '../../test/support/custom-kinds.ts';
import type { ProductProcess } from '../../test/support/product-process.ts';
import { between, byOperator, wrote } from '../audit-trail.ts';
import { COST_CENTER, LATE, LATE_CRD, LATE_PATH, NAMESPACES } from '../samples.ts';
import type { Scene } from '../scene.ts';
import { duration } from '../terminal.ts';

/** A kind that a policy has named all along is installed only now. */
export async function lateKind({ terminal, installation, operator, trail }: Scene): Promise<void> {
  const { admin } = installation;
  const { conditions } = await installation.policy('cost-center', () => true);
  terminal.say(
    'The policy has named a fourth kind all along, which this cluster does not know yet. Its status says so:',
  );
  const { reason = '', message = '' } = conditions['Watching'] ?? {};
  terminal.table(['CONDITION', 'REASON', 'MESSAGE'], [['Watching', reason, message]]);
  terminal.say('Now its CRD is installed, and as soon as the API server lets us, an object of it is created.');

  const mark = await trail.mark();
  const [crd] = await admin.applyFile(join(FIXTURE_CRDS, `${LATE_CRD}.yaml`));
  if (crd === undefined) throw new Error(`${LATE_CRD}.yaml holds no CRD`);
  // By apply: kube-apiserver answers the first POST of a kind only when it has been established for 2 s.
  const apply = async () => admin.apply(LATE);
  const { metadata } = await eventually(`the first object in ${LATE_PATH}`, apply, () => true, { intervalMs: 5 });
  const objectPath = `${LATE_PATH}/${metadata.name}`;
  const wanted = NAMESPACES[metadata.namespace];
  await admin.waitFor(objectPath, ({ metadata: { labels } }) => labels[COST_CENTER] === wanted);

  const label = await trail.first(mark, 'its label', (entry) => wrote(entry, objectPath) && byOperator(entry));
  const writes = await trail.all(mark);
  const installed = await trail.first(mark, 'the CRD', ({ resource }) => resource === CRDS);
  const created = await trail.first(mark, 'the object', (entry) => wrote(entry, objectPath) && !byOperator(entry));
  // The server tells by status writes how far it has come; "Established" is the last one.
  const established = writes.findLast(({ resource, subresource }) => resource === CRDS && subresource === 'status');
  if (established === undefined) throw new Error('the CRD was never established');
  const watching = await watchedSince(operator, crd.metadata.name);
  const moments: readonly (readonly [number, string])[] = [
    [installed.completedAt, `CRD ${crd.metadata.name} created`],
    [established.completedAt, 'Established, says the API server'],
    [watching, 'watched by the operator'],
    [created.completedAt, `${LATE.kind} ${metadata.namespace}/${metadata.name} created`],
    [label.completedAt, `label ${COST_CENTER}=${wanted} written`],
  ];
  terminal.table(
    ['AFTER', 'WHAT'],
    moments
      .toSorted(([one], [other]) => one - other)
      .map(([moment, what]) => [duration(moment - installed.completedAt), what]),
  );
  terminal.result(
    `The operator took ${duration(watching - established.completedAt)} from Established to watching, and ` +
      `${duration(between(created, label))} from the object to its label. From Established to the first label it was ` +
      `${duration(between(established, label))}.`,
  );
}

/** When the operator had listed the kind and began to watch it, by its own log; milliseconds since the Unix epoch. */
async function watchedSince(operator: ProductProcess, kind: string): Promise<number> {
  const find = async () => operator.lines.find((line) => line.msg === 'the kind is synced' && line['kind'] === kind);
  const line = await eventually(`the log line about ${kind}`, find, (found) => found !== undefined);
  return Date.parse(String(line?.['time']));
}

const CRDS = 'customresourcedefinitions';
