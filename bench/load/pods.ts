import type { BareClient, BareRequest } from '../bare-client.ts';

/** As large as Pods of real clusters are: 6 KB as JSON, 11 KB with managedFields. */
function podOf(namespace: string, i: number): object {
  const app = `shop-${i % 200}`;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      namespace,
      name: `${app}-${(0x10000 + (i % 7)).toString(16)}-${i}`,
      labels: {
        'app.kubernetes.io/name': app,
        'app.kubernetes.io/part-of': 'shop',
        'app.kubernetes.io/version': `1.${i % 40}.0`,
        'pod-template-hash': (0x10000 + (i % 7)).toString(16),
        team: `team-${i % 25}`,
      },
      annotations: {
        'checksum/config': 'c0ffee'.repeat(10),
        'prometheus.io/scrape': 'true',
        'prometheus.io/port': '9090',
        'example.com/network-status': JSON.stringify([
          {
            name: 'cluster-net',
            interface: 'eth0',
            ips: [`10.${i % 200}.${i % 250}.7`],
            mac: 'aa:bb:cc:dd:ee:ff',
            dns: {},
          },
        ]),
        'example.com/release-notes': `Built from branch release-${i % 40} by the pipeline. `.repeat(26),
      },
    },
    spec: {
      containers: [container('app', app, i), container('proxy', 'proxy', i)],
      terminationGracePeriodSeconds: 30,
      nodeSelector: { 'kubernetes.io/os': 'linux', pool: 'general' },
      tolerations: [
        { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
        { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
      ],
      volumes: [
        { name: 'config', configMap: { name: `${app}-config` } },
        { name: 'cache', emptyDir: { sizeLimit: '256Mi' } },
      ],
    },
  };
}

function container(name: string, image: string, i: number): object {
  return {
    name,
    image: `registry.example.com/shop/${image}:1.${i % 40}.0`,
    args: ['--listen=:8080', `--zone=zone-${i % 3}`, '--log-format=json'],
    env: Array.from({ length: 13 }, (_, e) => ({ name: `SETTING_${e}`, value: `value-${e}-of-${image}` })),
    ports: [
      { name: `${name}-http`, containerPort: name === 'app' ? 8080 : 15_000 },
      { name: `${name}-metrics`, containerPort: name === 'app' ? 9090 : 15_090 },
    ],
    resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { cpu: '1', memory: '512Mi' } },
    livenessProbe: { httpGet: { path: '/healthz', port: `${name}-http` }, periodSeconds: 10 },
    readinessProbe: { httpGet: { path: '/readyz', port: `${name}-http` }, periodSeconds: 5 },
    volumeMounts: [
      { name: 'config', mountPath: '/etc/app', readOnly: true },
      { name: 'cache', mountPath: '/var/cache/app' },
    ],
    securityContext: { allowPrivilegeEscalation: false, runAsNonRoot: true, capabilities: { drop: ['ALL'] } },
  };
}

/** Pods number `from` to below `to`, by turns in the namespaces. */
export async function fillPods(
  client: BareClient,
  namespaces: readonly string[],
  from: number,
  to: number,
): Promise<void> {
  const requests = Iterator.from(
    (function* () {
      for (let i = from; i < to; i += 1) yield creation(namespaces[i % namespaces.length] ?? 'default', i);
    })(),
  );
  await client.sendAll(requests, 48);
}

function creation(namespace: string, i: number): BareRequest {
  return {
    method: 'POST',
    path: `/api/v1/namespaces/${namespace}/pods?fieldManager=kube-controller-manager`,
    contentType: 'application/json',
    body: JSON.stringify(podOf(namespace, i)),
  };
}
