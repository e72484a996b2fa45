import type { Admin } from '../cluster/api.ts';
import { NAMESPACE_LABELS, objectsOf, PATTERNS, POLICIES_OF_FLEET, placed, SIZE_CRDS } from './fleet.ts';
import { applyPolicy, applySizeCrd, grantSizes } from './fleet-cluster.ts';

export interface MadeFleet {
  readonly namespace: string;
  readonly objects: number;
}

/**
 * Makes the objects and the policies, under an operator that runs. `rest` is called when there is something to do for
 * it, and resolves when that is done: between two forms of a policy both have to come into force.
 *
 * @param share of the 2,000 objects
 */
export async function makeFleet(
  admin: Admin,
  rest: (namespace: string) => Promise<void>,
  share = 1,
): Promise<MadeFleet> {
  const namespace = await admin.createNamespace('upgrade', NAMESPACE_LABELS);
  const [wide, narrow] = SIZE_CRDS;
  if (wide === undefined || narrow === undefined) throw new Error('the CRD has two forms');
  await grantSizes(admin);
  await applySizeCrd(admin, wide, namespace);
  const counted = PATTERNS.map((pattern) => ({ pattern, count: Math.max(2, Math.round(pattern.count * share)) }));
  for (const { pattern, count } of counted) await admin.createMany(objectsOf(pattern, count, namespace));
  await applySizeCrd(admin, narrow, namespace);
  for (let form = 0; form < 2; form++) {
    const due = POLICIES_OF_FLEET.filter(({ specs }) => specs[form] !== undefined);
    for (const { name, specs } of due) await applyPolicy(admin, name, placed(specs[form] ?? {}, namespace));
    await rest(namespace);
  }
  return { namespace, objects: counted.reduce((sum, { count }) => sum + count, 0) };
}
