import type { KubeClient } from '../kube/client.ts';
import { applyConfigMap, readConfigMap } from '../kube/config-maps.ts';
import { ApiError } from '../kube/errors.ts';
import type { LedgerData, LedgerStore } from './ledger.ts';

const NAME = 'watchkeeper-ledger';
const LABELS = { 'app.kubernetes.io/name': 'watchkeeper', 'app.kubernetes.io/component': 'ledger' };

/**
 * The ledger's ConfigMap in this namespace. Requests end when the signal aborts.
 *
 * It is written only as it was last read or written here: what a process that led before has sent, and what comes late,
 * must not undo what the present one has put on record, nor that what stands there again after a restore of etcd.
 */
export function ledgerStore(client: KubeClient, namespace: string, signal: AbortSignal): LedgerStore {
  /** Undefined where there is none. */
  let resourceVersion: string | undefined;
  const read = async () => {
    const found = await readConfigMap(client, namespace, NAME, signal);
    resourceVersion = found?.resourceVersion;
    return found?.data;
  };
  const write = async (data: LedgerData) => {
    const target = { namespace, name: NAME, data, labels: LABELS, resourceVersion, fieldManager: NAME, signal };
    try {
      resourceVersion = (await applyConfigMap(client, target)).resourceVersion;
      return undefined;
    } catch (error) {
      if (!(error instanceof ApiError && (error.code === 'Conflict' || error.code === 'NotFound'))) throw error;
      const tried = resourceVersion;
      const found = await read();
      // It is as we know it: there is something else that does not let it be written, such as a Namespace that is missing.
      if (resourceVersion === tried) throw error;
      return found ?? {};
    }
  };
  return { read, write };
}
