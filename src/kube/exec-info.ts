import type { KubeConfig } from '@kubernetes/client-node/dist/config.js';

const VARIABLE = 'KUBERNETES_EXEC_INFO';

/**
 * Gives the current user's exec plugin the environment variable that kubectl gives it, and that client-node leaves
 * out: plugins made with client-go's own library do not start without it.
 */
export function supplyExecInfo(config: KubeConfig): void {
  const plugin: unknown = config.getCurrentUser()?.exec;
  if (!isExec(plugin)) return;
  const cluster = config.getCurrentCluster();
  const info = {
    kind: 'ExecCredential',
    apiVersion: plugin.apiVersion ?? 'client.authentication.k8s.io/v1',
    spec: {
      interactive: false,
      ...(plugin.provideClusterInfo === true && cluster !== null
        ? {
            cluster: {
              server: cluster.server,
              'certificate-authority-data': cluster.caData,
              'tls-server-name': cluster.tlsServerName,
              'insecure-skip-tls-verify': cluster.skipTLSVerify,
            },
          }
        : {}),
    },
  };
  const others = Array.isArray(plugin.env) ? (plugin.env as readonly unknown[]) : [];
  plugin.env = [...others, { name: VARIABLE, value: JSON.stringify(info) }];
}

interface Exec {
  readonly apiVersion?: string;
  readonly provideClusterInfo?: boolean;
  env?: unknown;
}

function isExec(value: unknown): value is Exec {
  return typeof value === 'object' && value !== null && 'command' in value;
}
