import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import * as z from 'zod';
import type { Admin } from '../cluster/api.ts';
import type { ClusterHandle } from '../cluster/cluster-handle.ts';
import { Connection } from '../cluster/connection.ts';
import { eventually } from '../cluster/eventually.ts';

const NAMESPACE = 'watchkeeper';
const ACCOUNT = 'watchkeeper';
const TokenRequest = z.object({ status: z.object({ token: z.string() }) });

/** A kubeconfig that names a file with the operator's token, as a Pod has it, and what happens to such a file. */
export interface RotatingToken {
  readonly kubeconfig: string;
  /** The server does not accept the token any more; resolves when that is so. The file stays as it is. */
  revoke(): Promise<void>;
  /** Puts a token that holds into the file. */
  renew(): Promise<void>;
}

/** Each token is bound to a Secret of its own, and ends with it: tokens live for ten minutes at least. */
export async function rotatingToken(cluster: ClusterHandle, admin: Admin): Promise<RotatingToken> {
  const folder = await mkdtemp(join(cluster.dir, 'token-'));
  const file = join(folder, 'token');
  const kubeconfig = join(folder, 'kubeconfig');
  const config = z
    .looseObject({ users: z.unknown() })
    .parse(parse(await readFile(await cluster.kubeconfigFor({ namespace: NAMESPACE, name: ACCOUNT }), 'utf8')));
  const users = [{ name: 'test', user: { tokenFile: file } }];
  await writeFile(kubeconfig, stringify({ ...config, users }, { lineWidth: 0 }), { mode: 0o600 });

  let turn = 0;
  const secretOf = (nth: number) => `token-${folder.slice(-6).toLowerCase()}-${nth}`;
  const renew = async () => {
    turn += 1;
    const name = secretOf(turn);
    const { uid } = (await admin.create({ apiVersion: 'v1', kind: 'Secret', metadata: { namespace: NAMESPACE, name } }))
      .metadata;
    const answer = await admin.request(
      'POST',
      `/api/v1/namespaces/${NAMESPACE}/serviceaccounts/${ACCOUNT}/token`,
      {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: { expirationSeconds: 3_600, boundObjectRef: { apiVersion: 'v1', kind: 'Secret', name, uid } },
      },
      { 'content-type': 'application/json' },
    );
    await writeFile(file, TokenRequest.parse(JSON.parse(answer.body)).status.token);
  };
  const revoke = async () => {
    await admin.delete(`/api/v1/namespaces/${NAMESPACE}/secrets/${secretOf(turn)}`);
    const bearer = new Connection({ url: cluster.url, caPem: cluster.caPem, token: await readFile(file, 'utf8') });
    // The server remembers for ten seconds whom it has let in.
    const status = async () => (await bearer.call({ path: '/version' })).status;
    await eventually('the end of the token', status, (code) => code === 401, { intervalMs: 200 });
    bearer.close();
  };
  await renew();
  return { kubeconfig, revoke, renew };
}
