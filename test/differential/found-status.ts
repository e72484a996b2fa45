import type { Admin } from '../cluster/api.ts';
import { POLICIES } from '../support/installation.ts';
import { is, viewOf } from '../support/policy-view.ts';
import type { ExpectedStatus } from './oracle.ts';

/** What a policy's status says, in the oracle's terms. */
export async function foundStatus(admin: Admin, policy: string): Promise<ExpectedStatus> {
  const view = viewOf(await admin.get(`${POLICIES}/${policy}`));
  const results = view.violations.map(
    ({ kind, namespace, name, rule, result, message }) =>
      `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name} ${rule} ${result}: ${message}`,
  );
  const summary = view.raw['status'] !== undefined && Object.keys(view.summary).length > 0 ? view.summary : undefined;
  return { accepted: is(view, 'Accepted') === 'True', summary, results: results.toSorted() };
}
