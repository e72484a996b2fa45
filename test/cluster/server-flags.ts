import { FRONT_PROXY_NAME, type Layout } from './layout.ts';

export interface Ports {
  readonly etcdClient: number;
  readonly etcdPeer: number;
  readonly apiServer: number;
}

const ISSUER = 'https://kubernetes.default.svc';
const GIBIBYTE = 2 ** 30;

/** What tests need of it; the rest would only cost time, and write objects that nobody expects. */
const CONTROLLERS = [
  'clusterrole-aggregation-controller',
  'cronjob-controller',
  'deployment-controller',
  'garbage-collector-controller',
  'job-controller',
  'namespace-controller',
  'replicaset-controller',
  'serviceaccount-controller',
  'serviceaccount-token-controller',
  'statefulset-controller',
];

export function etcdFlags({ etcdData }: Layout, ports: Ports): string[] {
  const peers = loopback(ports.etcdPeer);
  const clients = loopback(ports.etcdClient);
  return flags({
    name: 'test',
    'data-dir': etcdData,
    'listen-client-urls': clients,
    'advertise-client-urls': clients,
    'listen-peer-urls': peers,
    'initial-advertise-peer-urls': peers,
    'initial-cluster': `test=${peers}`,
    // It alone can become leader: waiting for others to stand is waste.
    'heartbeat-interval': 20,
    'election-timeout': 100,
    // The folder does not outlive the process, so a crash of the machine has nothing to lose.
    'unsafe-no-fsync': true,
    'quota-backend-bytes': 8 * GIBIBYTE,
    'log-level': 'warn',
  });
}

export function apiServerFlags(layout: Layout, ports: Ports, withControllerManager: boolean): string[] {
  return flags({
    'etcd-servers': loopback(ports.etcdClient),
    'bind-address': '127.0.0.1',
    'advertise-address': '127.0.0.1',
    'secure-port': ports.apiServer,
    'tls-cert-file': layout.serving.cert,
    'tls-private-key-file': layout.serving.key,
    'client-ca-file': layout.ca,
    'authorization-mode': 'RBAC',
    'service-account-issuer': ISSUER,
    'service-account-key-file': layout.tokens.cert,
    'service-account-signing-key-file': layout.tokens.key,
    'service-cluster-ip-range': '10.0.0.0/24',
    'requestheader-client-ca-file': layout.frontProxyCa,
    'requestheader-allowed-names': FRONT_PROXY_NAME,
    'requestheader-username-headers': 'X-Remote-User',
    'requestheader-group-headers': 'X-Remote-Group',
    'requestheader-extra-headers-prefix': 'X-Remote-Extra-',
    'proxy-client-cert-file': layout.frontProxy.cert,
    'proxy-client-key-file': layout.frontProxy.key,
    'audit-policy-file': layout.auditPolicy,
    'audit-log-path': layout.auditLog,
    // An answer ends only after its entry is written, so a test that holds an answer finds the entry.
    'audit-log-mode': 'blocking-strict',
    'audit-log-maxsize': 0,
    // There is no second API server to agree with.
    'endpoint-reconciler-type': 'none',
    // Otherwise open watches hold up its end for a minute.
    'shutdown-watch-termination-grace-period': '1s',
    'allow-privileged': true,
    profiling: false,
    // Without the controller that makes the service account `default`, no Pod could be created.
    ...(withControllerManager ? {} : { 'disable-admission-plugins': 'ServiceAccount' }),
  });
}

export function controllerManagerFlags(layout: Layout): string[] {
  return flags({
    kubeconfig: layout.controllerManagerKubeconfig,
    controllers: CONTROLLERS.join(','),
    'use-service-account-credentials': true,
    'service-account-private-key-file': layout.tokens.key,
    'root-ca-file': layout.ca,
    'leader-elect': false,
    // It serves nothing, so it needs no port.
    'secure-port': 0,
  });
}

export function loopback(port: number): string {
  return `http://127.0.0.1:${port}`;
}

function flags(values: Readonly<Record<string, string | number | boolean>>): string[] {
  return Object.entries(values).map(([name, value]) => `--${name}=${value}`);
}
