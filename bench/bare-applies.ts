import type { KubeObject } from '../test/cluster/kube-object.ts';
import { BareClient, type BareRequest } from './bare-client.ts';

/**
 * The ceiling: the same server-side applies that the operator sends, by a loop that does nothing else, over one HTTP/2
 * connection. Resolves to the seconds that they took.
 */
export async function bareApplies(
  kubeconfig: string,
  objects: readonly KubeObject[],
  label: readonly [string, string],
  width: number,
): Promise<number> {
  using client = await BareClient.open(kubeconfig);
  const started = performance.now();
  await client.sendAll(
    objects.values().map((object) => apply(object, label)),
    width,
  );
  return (performance.now() - started) / 1_000;
}

function apply(
  { metadata: { namespace, name, uid } }: KubeObject,
  [key, value]: readonly [string, string],
): BareRequest {
  const metadata = { name, namespace, uid, labels: { [key]: value } };
  return {
    method: 'PATCH',
    path: `/api/v1/namespaces/${namespace}/configmaps/${name}?fieldManager=bare&force=true`,
    contentType: 'application/apply-patch+yaml',
    body: JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata }),
  };
}
