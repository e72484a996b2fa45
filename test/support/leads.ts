import { eventually, PATIENCE_MS } from '../cluster/eventually.ts';
import type { ProductProcess } from './product-process.ts';

/** For operators of which it does not matter how long a Lease lasts by default. */
export const SHORT_LEASE = ['--lease-duration', '5', '--renew-deadline', '4', '--retry-period', '1'];

/** Until the operator leads, or does not any more. */
export async function leads(operator: ProductProcess, isLeader = true, timeoutMs = PATIENCE_MS): Promise<void> {
  const leader = async () => operator.metric('watchkeeper_leader');
  await eventually('who leads', leader, (value) => value === Number(isLeader), { timeoutMs });
}
