import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AUDIT_POLICY } from './audit-log.ts';
import { createAuthority, createTokenKeys, type PemPair } from './certificates.ts';
import { writeKubeconfig } from './kubeconfig.ts';

/** Every file of a control plane, by what it is. */
export interface Layout {
  readonly dir: string;
  readonly ca: string;
  readonly serving: PairFiles;
  readonly frontProxyCa: string;
  readonly frontProxy: PairFiles;
  readonly tokens: PairFiles;
  readonly auditPolicy: string;
  readonly auditLog: string;
  readonly adminKubeconfig: string;
  readonly controllerManagerKubeconfig: string;
  readonly etcdData: string;
}

export interface PairFiles {
  readonly cert: string;
  readonly key: string;
}

export const FRONT_PROXY_NAME = 'front-proxy-client';

export function layoutOf(dir: string): Layout {
  const pair = (name: string): PairFiles => ({
    cert: join(dir, 'pki', `${name}.crt`),
    key: join(dir, 'pki', `${name}.key`),
  });
  return {
    dir,
    ca: join(dir, 'pki', 'ca.crt'),
    serving: pair('kube-apiserver'),
    frontProxyCa: join(dir, 'pki', 'front-proxy-ca.crt'),
    frontProxy: pair('front-proxy-client'),
    tokens: pair('service-account-tokens'),
    auditPolicy: join(dir, 'audit-policy.json'),
    auditLog: join(dir, 'audit.log'),
    adminKubeconfig: join(dir, 'admin.kubeconfig'),
    controllerManagerKubeconfig: join(dir, 'kube-controller-manager.kubeconfig'),
    etcdData: join(dir, 'etcd'),
  };
}

/** Fills the folder with all that the servers read when they start. */
export async function writeLayout(layout: Layout, url: string): Promise<void> {
  await mkdir(join(layout.dir, 'pki'), { recursive: true });
  const authority = createAuthority('test-cluster-ca');
  // An authority of its own: whoever holds one of its certificates may say who a user is.
  const frontProxyAuthority = createAuthority('test-front-proxy-ca');
  const hosts = ['127.0.0.1', 'localhost', 'kubernetes.default.svc'];
  const serving = authority.issue({ commonName: 'kube-apiserver', hosts, usage: 'server' });
  const frontProxy = frontProxyAuthority.issue({ commonName: FRONT_PROXY_NAME, usage: 'client' });
  const admin = authority.issue({ commonName: 'admin', organizations: ['system:masters'], usage: 'client' });
  const controllerManager = authority.issue({ commonName: 'system:kube-controller-manager', usage: 'client' });
  const access = { url, caPem: authority.certPem };
  await Promise.all([
    writeFile(layout.ca, authority.certPem),
    writeFile(layout.frontProxyCa, frontProxyAuthority.certPem),
    writePair(layout.serving, serving),
    writePair(layout.frontProxy, frontProxy),
    writePair(layout.tokens, createTokenKeys()),
    writeFile(layout.auditPolicy, JSON.stringify(AUDIT_POLICY)),
    writeKubeconfig(layout.adminKubeconfig, { ...access, ...admin }),
    writeKubeconfig(layout.controllerManagerKubeconfig, { ...access, ...controllerManager }),
  ]);
}

async function writePair(files: PairFiles, pair: PemPair): Promise<void> {
  await Promise.all([writeFile(files.cert, pair.certPem), writeFile(files.key, pair.keyPem, { mode: 0o600 })]);
}
