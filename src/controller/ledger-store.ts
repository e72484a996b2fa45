import type { KubeClient } from '../kube/client.ts';
import { applyConfigMap, readConfigMap } from '../kube/config-maps.ts';
import type { LedgerStore } from './ledger.ts';

const NAME = 'watchkeeper-ledger';
const LABELS = { 'app.kubernetes.io/name': 'watchkeeper', 'app.kubernetes.io/component': 'ledger' };

/** The ledger's ConfigMap in this namespace. Requests end when the signal aborts. */
export function ledgerStore(client: KubeClient, namespace: string, signal: AbortSignal): LedgerStore {
  return {
    read: () => readConfigMap(client, namespace, NAME, signal),
    write: async (data) => {
      await applyConfigMap(client, { namespace, name: NAME, data, labels: LABELS, fieldManager: NAME, signal });
    },
  };
}
