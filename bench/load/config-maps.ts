import type { BareClient } from '../bare-client.ts';

export interface ConfigMaps {
  readonly namespace: string;
  /** Their names are `PREFIX-0` and so on. */
  readonly prefix: string;
  readonly count: number;
  /** Default: none. */
  readonly labelsOf?: (i: number) => Readonly<Record<string, string>>;
}

/** Small ConfigMaps, as soon as the server takes them. */
export async function fillConfigMaps(client: BareClient, { namespace, prefix, count, labelsOf }: ConfigMaps) {
  const data = { key: 'x'.repeat(200) };
  const requests = Iterator.from(
    (function* () {
      for (let i = 0; i < count; i += 1) {
        const metadata = { namespace, name: `${prefix}-${i}`, labels: labelsOf?.(i) ?? {} };
        yield {
          method: 'POST' as const,
          path: `/api/v1/namespaces/${namespace}/configmaps`,
          contentType: 'application/json',
          body: JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data }),
        };
      }
    })(),
  );
  await client.sendAll(requests, 48);
}

export function configMapPath(namespace: string, name: string): string {
  return `/api/v1/namespaces/${namespace}/configmaps/${name}`;
}
