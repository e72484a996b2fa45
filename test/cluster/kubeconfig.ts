import { readFile, writeFile } from 'node:fs/promises';
import { parse, stringify } from 'yaml';
import * as z from 'zod';
import type { Access } from './connection.ts';

/** Writes a kubeconfig of one cluster and one user, readable by its owner alone. */
export async function writeKubeconfig(path: string, access: Access): Promise<void> {
  const { url, caPem, certPem, keyPem, token } = access;
  const user = {
    ...(certPem === undefined ? {} : { 'client-certificate-data': base64(certPem) }),
    ...(keyPem === undefined ? {} : { 'client-key-data': base64(keyPem) }),
    ...(token === undefined ? {} : { token }),
  };
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server: url, 'certificate-authority-data': base64(caPem) } }],
    users: [{ name: 'test', user }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    'current-context': 'test',
  };
  await writeFile(path, stringify(config, { lineWidth: 0 }), { mode: 0o600 });
}

const Pem = z.base64().transform((text) => Buffer.from(text, 'base64').toString('utf8'));
const Kubeconfig = z.object({
  clusters: z.tuple([z.object({ cluster: z.object({ server: z.url(), 'certificate-authority-data': Pem }) })]),
  users: z.tuple([
    z.object({
      user: z.object({
        'client-certificate-data': Pem.optional(),
        'client-key-data': Pem.optional(),
        token: z.string().optional(),
      }),
    }),
  ]),
});

/** Reads a kubeconfig as `writeKubeconfig` writes it: one cluster, one user, everything inline. */
export async function readKubeconfig(path: string): Promise<Access> {
  const config = Kubeconfig.parse(parse(await readFile(path, 'utf8')));
  const [{ cluster }] = config.clusters;
  const [{ user }] = config.users;
  return {
    url: cluster.server,
    caPem: cluster['certificate-authority-data'],
    certPem: user['client-certificate-data'],
    keyPem: user['client-key-data'],
    token: user.token,
  };
}

function base64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64');
}
