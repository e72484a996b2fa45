import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import type { Admin } from '../../test/cluster/api.ts';
import { eventually } from '../../test/cluster/eventually.ts';
import type { Watchdog } from '../../test/cluster/watchdog.ts';
import { POLICIES } from '../../test/support/installation.ts';
import { viewOf } from '../../test/support/policy-view.ts';
import { ProductProcess } from '../../test/support/product-process.ts';
import { versions } from '../../test/upgrade/fleet-cluster.ts';

/** A version of the product as a process, which ends with this one. */
export function operatorOf(bundle: string, kubeconfig: string, watchdog: Watchdog, name = 'operator'): ProductProcess {
  const operator = new ProductProcess({ bundle, kubeconfig, identity: hasIdentity(bundle) ? name : '' });
  watchdog.watch(operator.pid);
  void operator.exited.then(() => watchdog.forget(operator.pid));
  return operator;
}

/** Versions without leader election have none. */
function hasIdentity(bundle: string): boolean {
  const { stdout } = spawnSync(process.execPath, [bundle, 'run', '--help'], { encoding: 'utf8' });
  return stdout.includes('--identity');
}

const STILL_MS = 3_000;

/** Until every policy speaks of its present spec and all its objects, and no object has changed for a while. */
export async function atRest(admin: Admin, operator: ProductProcess, namespace: string): Promise<void> {
  const picture = async () => {
    const policies = (await admin.list(POLICIES)).items;
    const waiting = policies
      .filter((policy) => {
        const { generation, observedGeneration, conditions } = viewOf(policy);
        return generation !== observedGeneration || conditions['Compliant']?.reason === 'Evaluating';
      })
      .map(({ metadata }) => `policy ${metadata.name}`);
    // Not the write queue: an object that does not fit its schema is tried again rarely, and waits there.
    const depth = await operator.metric('watchkeeper_evaluation_queue_depth');
    if (depth > 0) waiting.push(`${depth} objects to be evaluated`);
    const all = [...(await versions(admin, namespace)).values()].join(' ');
    return { waiting, picture: createHash('sha256').update(all).digest('hex') };
  };
  let since = performance.now();
  let last = '';
  await eventually(
    'rest',
    picture,
    ({ waiting, picture: now }) => {
      if (waiting.length > 0 || now !== last) since = performance.now();
      last = now;
      return performance.now() - since > STILL_MS;
    },
    { timeoutMs: 120_000, intervalMs: 500 },
  );
}
