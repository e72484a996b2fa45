import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { CachedCredentials } from './cached-credentials.ts';
import { credentialError } from './credential-error.ts';
import { inClusterSource, SERVICE_ACCOUNT_DIRECTORY } from './in-cluster-source.ts';
import { kubeconfigSource } from './kubeconfig-source.ts';

/** What a TLS connection to the API server is made of. PEM throughout. */
export interface TlsMaterial {
  /** Authorities to trust instead of the system's. */
  readonly ca?: string | Buffer | undefined;
  readonly cert?: string | Buffer | undefined;
  readonly key?: string | Buffer | undefined;
  /** The name that the server's certificate must carry, where it is not the host of the address. */
  readonly servername?: string | undefined;
  /** False only for `insecure-skip-tls-verify`. */
  readonly rejectUnauthorized: boolean;
  /** The HTTP proxy that the connection goes through, where there is one. */
  readonly proxy?: URL | undefined;
}

/** Who we are, to which server. Both methods reject with ApiError 'Unauthorized' when there is nothing to show. */
export interface Credentials {
  /** May carry a path, as behind a gateway; request paths come after it. */
  readonly server: URL;
  /** Our own namespace in a cluster, else the kubeconfig context's. */
  readonly namespace: string | undefined;
  /** Grows when the TLS material has changed: connections made before it should be given up. */
  readonly tlsGeneration: number;
  tls(): Promise<TlsMaterial>;
  /**
   * The headers that identify us, names in lower case. Read again by themselves at most a minute later, and made anew
   * with a tenth of their life left where they say when it ends.
   */
  headers(): Promise<Readonly<Record<string, string>>>;
  /**
   * Reads everything again, past all caches: for use after a 401, and where the server shows a certificate of an authority that
   * we do not know. At most once in five seconds; callers at the same time share one run.
   */
  refresh(): Promise<void>;
}

export interface CredentialOptions {
  /** A kubeconfig file. Without it: $KUBECONFIG, then the pod's service account, then ~/.kube/config. */
  readonly kubeconfig?: string | undefined;
  /** A context of the kubeconfig other than its current one. Rules the service account out. */
  readonly context?: string | undefined;
  /** Default: the process's own. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Default: where Kubernetes mounts it. */
  readonly serviceAccountDirectory?: string | undefined;
}

/** Rejects with ApiError 'Unauthorized' that says what was looked for and what is wrong with it. */
export async function loadCredentials(options: CredentialOptions, clock: Clock, log: Log): Promise<Credentials> {
  const { kubeconfig, context, env = process.env } = options;
  const directory = options.serviceAccountDirectory ?? SERVICE_ACCOUNT_DIRECTORY;
  const fromFiles = async (files: readonly string[]) =>
    new CachedCredentials(await kubeconfigSource(files, context, env, clock), clock, log);

  if (kubeconfig !== undefined) return fromFiles([kubeconfig]);
  const listed = (env['KUBECONFIG'] ?? '').split(delimiter).filter((file) => file !== '');
  if (listed.length > 0) return fromFiles(listed);
  if (context === undefined && isInCluster(env, directory)) {
    return new CachedCredentials(await inClusterSource(env, directory), clock, log);
  }
  const home = join(homeFolder(env) ?? '~', '.kube', 'config');
  if (existsSync(home)) return fromFiles([home]);
  throw credentialError(
    `no way to the API server was found: no kubeconfig was named, KUBECONFIG is not set, this is no pod with a service account, and there is no ${home}`,
  );
}

/** A user of a container often is nobody that the system knows, and then it knows no home either. */
function homeFolder(env: Readonly<Record<string, string | undefined>>): string | undefined {
  try {
    return env['HOME'] ?? homedir();
  } catch {
    return undefined;
  }
}

function isInCluster(env: Readonly<Record<string, string | undefined>>, directory: string): boolean {
  return (env['KUBERNETES_SERVICE_HOST'] ?? '') !== '' && existsSync(join(directory, 'token'));
}
