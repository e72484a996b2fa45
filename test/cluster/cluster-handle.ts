import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { type AuditEntry, type AuditMark, auditEntries, auditMark } from './audit-log.ts';
import type { PemPair } from './certificates.ts';
import { type Answer, type Call, Connection } from './connection.ts';
import { versionsOf } from './etcd-client.ts';
import { readKubeconfig, writeKubeconfig } from './kubeconfig.ts';
import { type Layout, layoutOf } from './layout.ts';

/** All that another process has to know to use a control plane that runs on this machine. */
export interface ClusterAddress {
  readonly dir: string;
  /** Such as `https://127.0.0.1:12345`. */
  readonly url: string;
  readonly etcdUrl: string;
}

export interface ServiceAccountName {
  readonly namespace: string;
  readonly name: string;
}

const TokenReview = z.object({ status: z.object({ token: z.string() }) });

/** A running control plane as its users see it: they can read and count, but not stop it. */
export class ClusterHandle implements ClusterAddress {
  readonly dir: string;
  readonly url: string;
  readonly etcdUrl: string;
  readonly caPem: string;
  /** Path of the kubeconfig of a user in `system:masters`. */
  readonly kubeconfig: string;
  readonly #layout: Layout;
  #admin: Promise<Connection> | undefined;

  constructor({ dir, url, etcdUrl }: ClusterAddress) {
    this.#layout = layoutOf(dir);
    this.dir = dir;
    this.url = url;
    this.etcdUrl = etcdUrl;
    this.caPem = readFileSync(this.#layout.ca, 'utf8');
    this.kubeconfig = this.#layout.adminKubeconfig;
  }

  /**
   * Path of a new kubeconfig that holds a token of this service account, which must exist.
   * @param url where it leads, when that is not the API server itself
   */
  async kubeconfigFor({ namespace, name }: ServiceAccountName, url: string = this.url): Promise<string> {
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`;
    // A day: by default it is an hour, and somebody may keep a control plane running for longer.
    const spec = { expirationSeconds: 86_400 };
    const body = JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec });
    const answer = await this.asAdmin({ method: 'POST', path, body, headers: { 'content-type': 'application/json' } });
    if (answer.status !== 201) throw new Error(`no token for ${namespace}/${name}: ${answer.body}`);
    const { token } = TokenReview.parse(JSON.parse(answer.body)).status;
    const file = join(this.dir, `${namespace}.${name}.${new URL(url).port}.kubeconfig`);
    await writeKubeconfig(file, { url, caPem: this.caPem, token });
    return file;
  }

  /** The API server's own certificate and key, for what stands in front of it on 127.0.0.1. */
  async servingPair(): Promise<PemPair> {
    const { cert, key } = this.#layout.serving;
    return { certPem: await readFile(cert, 'utf8'), keyPem: await readFile(key, 'utf8') };
  }

  /** Every write that was answered until now. */
  async auditLog(): Promise<AuditEntry[]> {
    return auditEntries(this.#layout.auditLog);
  }

  /** A point in time, for `entriesSince`. */
  async auditMark(): Promise<AuditMark> {
    return auditMark(this.#layout.auditLog);
  }

  async entriesSince(mark: AuditMark): Promise<AuditEntry[]> {
    return auditEntries(this.#layout.auditLog, mark);
  }

  /** How often each object was changed since it was made, by its key in etcd. A write that changed nothing does not count. */
  async changes(): Promise<ReadonlyMap<string, number>> {
    return versionsOf(this.etcdUrl, '/registry/');
  }

  /** The API server's own metrics, in the text format of Prometheus. */
  async metrics(): Promise<string> {
    const { status, body } = await this.asAdmin({ path: '/metrics' });
    if (status !== 200) throw new Error(`/metrics answered ${status}: ${body}`);
    return body;
  }

  protected async asAdmin(call: Call): Promise<Answer> {
    this.#admin ??= readKubeconfig(this.kubeconfig).then((access) => new Connection(access));
    const connection = await this.#admin;
    return connection.call(call);
  }
}
