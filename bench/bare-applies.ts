import { type ClientHttp2Session, connect } from 'node:http2';
import type { KubeObject } from '../test/cluster/kube-object.ts';
import { readKubeconfig } from '../test/cluster/kubeconfig.ts';

/**
 * The ceiling: the same server-side applies that the operator sends, by a loop that does nothing else, over one HTTP/2
 * connection. Resolves to the seconds that they took.
 */
export async function bareApplies(
  kubeconfig: string,
  objects: readonly KubeObject[],
  label: readonly [string, string],
  width: number,
) {
  const { url, caPem, token } = await readKubeconfig(kubeconfig);
  const session = connect(url, { ca: caPem, settings: { initialWindowSize: 4 * 1024 * 1024 } });
  const [key, value] = label;
  const queue = objects.values();
  const started = performance.now();
  const worker = async (): Promise<void> => {
    for (let next = queue.next(); next.done !== true; next = queue.next()) {
      const { namespace, name, uid } = next.value.metadata;
      const metadata = { name, namespace, uid, labels: { [key]: value } };
      await patch(
        session,
        `Bearer ${token ?? ''}`,
        namespace,
        name,
        JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata }),
      );
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
  const seconds = (performance.now() - started) / 1_000;
  session.close();
  return seconds;
}

function patch(
  session: ClientHttp2Session,
  authorization: string,
  namespace: string,
  name: string,
  body: string,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ':method': 'PATCH',
      ':path': `/api/v1/namespaces/${namespace}/configmaps/${name}?fieldManager=bare&force=true`,
      authorization,
      'content-type': 'application/apply-patch+yaml',
      accept: 'application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1',
    });
    stream.on('response', (headers) => {
      if (headers[':status'] !== 200) reject(new Error(`PATCH answered ${String(headers[':status'])}`));
    });
    stream.on('error', reject);
    stream.on('end', resolve);
    stream.resume();
    stream.end(body);
  });
}
