import { join } from 'node:path';

/** Folder of the CRDs of other projects. */
export const FIXTURE_CRDS = join(import.meta.dirname, '..', 'fixtures', 'crds');

type Labels = Readonly<Record<string, string>>;

export function certificate(namespace: string, name: string, labels: Labels = {}) {
  return {
    apiVersion: 'cert-manager.io/v1',
    kind: 'Certificate',
    metadata: { namespace, name, labels },
    spec: { secretName: `${name}-tls`, issuerRef: { name: 'ca' }, dnsNames: [`${name}.example.com`] },
  };
}

export function scaledObject(namespace: string, name: string, labels: Labels = {}) {
  return {
    apiVersion: 'keda.sh/v1alpha1',
    kind: 'ScaledObject',
    metadata: { namespace, name, labels },
    spec: { scaleTargetRef: { name }, triggers: [{ type: 'cpu', metadata: { value: '60' } }] },
  };
}

export function serviceMonitor(namespace: string, name: string, labels: Labels = {}) {
  return {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'ServiceMonitor',
    metadata: { namespace, name, labels },
    spec: { selector: { matchLabels: { app: name } }, endpoints: [{ port: 'http' }] },
  };
}

export function database(namespace: string, name: string, labels: Labels = {}) {
  return {
    apiVersion: 'postgresql.cnpg.io/v1',
    kind: 'Database',
    metadata: { namespace, name, labels },
    spec: { cluster: { name: 'main' }, name, owner: 'app' },
  };
}
