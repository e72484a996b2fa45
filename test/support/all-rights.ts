import { afterAll, beforeAll } from 'vitest';
import { type Admin, createAdmin } from '../cluster/api.ts';
import { eventually } from '../cluster/eventually.ts';
import { at } from '../cluster/kube-object.ts';
import type { Stage } from './stage.ts';

const NAME = 'test-all-rights';
const BINDING = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRoleBinding',
  metadata: { name: NAME },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
  subjects: [{ kind: 'ServiceAccount', name: 'watchkeeper', namespace: 'watchkeeper' }],
};

/** In every refusal of the guard. */
export const PROMISE = 'Watchkeeper writes only labels and annotations of existing objects';

export interface Said {
  readonly status: number;
  /** Of the Status that the answer is; '' where it is something else. */
  readonly message: string;
}

export interface AllRights {
  /** A client with the token of the operator's service account. */
  readonly operator: () => Admin;
  /** What the API server says to it. */
  readonly said: (method: string, path: string, body?: unknown, type?: string) => Promise<Said>;
}

/**
 * Makes the operator's service account a cluster-admin for the tests of a file, so that nothing but the guard is in its
 * way. Call it after `useStage`.
 */
export function useAllRights(stage: () => Stage): AllRights {
  let client: Admin | undefined;
  const operator = (): Admin => {
    if (client === undefined) throw new Error('the client is made in beforeAll');
    return client;
  };
  const said = async (method: string, path: string, body?: unknown, type = 'application/json'): Promise<Said> => {
    const answer = await operator().request(method, path, body, { 'content-type': type });
    const message: unknown = at(JSON.parse(answer.body), 'message');
    return { status: answer.status, message: typeof message === 'string' ? message : '' };
  };
  /** No test gives this right by itself. Without it, the guard is not even asked. */
  const tryDelete = async () => said('DELETE', '/api/v1/namespaces/watchkeeper?dryRun=All');
  beforeAll(async () => {
    client = await createAdmin(stage().operatorKubeconfig);
    await stage().admin.apply(BINDING, { force: true });
    await eventually(
      'the rights and the guard, which are heeded a moment after they are made',
      tryDelete,
      ({ message }) => message.includes(PROMISE),
    );
  });
  afterAll(async () => {
    await stage().admin.delete(`/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/${NAME}`);
    await eventually('the rights that are taken away', tryDelete, ({ message }) => !message.includes(PROMISE));
    client?.close();
  });
  return { operator, said };
}
