import { readFile } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import { messageOf } from '../base/errors.ts';
import type { CredentialSource } from './cached-credentials.ts';
import { credentialError } from './credential-error.ts';

/** Where Kubernetes mounts a pod's service account. */
export const SERVICE_ACCOUNT_DIRECTORY = '/var/run/secrets/kubernetes.io/serviceaccount';

/** The service account of the pod that we run in. The token is rotated in its file about hourly, the CA rarely. */
export async function inClusterSource(
  env: Readonly<Record<string, string | undefined>>,
  directory: string,
): Promise<CredentialSource> {
  const namespace = await readFile(join(directory, 'namespace'), 'utf8').catch(() => '');
  return {
    server: serverUrl(env['KUBERNETES_SERVICE_HOST'] ?? '', env['KUBERNETES_SERVICE_PORT'] ?? '443'),
    namespace: namespace.trim() === '' ? undefined : namespace.trim(),
    read: async () => {
      const [token, ca] = await Promise.all([read(directory, 'token'), read(directory, 'ca.crt')]);
      return { headers: { authorization: `Bearer ${token.trim()}` }, tls: { ca, rejectUnauthorized: true } };
    },
  };
}

function serverUrl(host: string, port: string): URL {
  const url = `https://${isIPv6(host) ? `[${host}]` : host}:${port}`;
  if (!URL.canParse(url)) {
    throw credentialError(
      `KUBERNETES_SERVICE_HOST ${JSON.stringify(host)} and KUBERNETES_SERVICE_PORT ${JSON.stringify(port)} do not make an address`,
    );
  }
  return new URL(url);
}

async function read(directory: string, name: string): Promise<string> {
  try {
    const text = await readFile(join(directory, name), 'utf8');
    if (text.trim() !== '') return text;
  } catch (error) {
    throw credentialError(`the service account's ${name} cannot be read: ${messageOf(error)}`, error);
  }
  throw credentialError(`the service account's file ${join(directory, name)} is empty`);
}
