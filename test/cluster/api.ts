import { readFile } from 'node:fs/promises';
import { parseAllDocuments } from 'yaml';
import * as z from 'zod';
import { AdminError } from './admin-error.ts';
import { type Answer, Connection } from './connection.ts';
import { eventually, type WaitOptions } from './eventually.ts';
import {
  conditionOf,
  type KubeList,
  type KubeObject,
  type Manifest,
  parseList,
  parseManifest,
  parseObject,
} from './kube-object.ts';
import { readKubeconfig } from './kubeconfig.ts';
import { ResourcePaths } from './resource-paths.ts';

export interface ApplyOptions {
  /** Default `test-admin`. */
  readonly fieldManager?: string;
  readonly force?: boolean;
}

export type PatchType = 'merge' | 'json' | 'strategic-merge';
export type Propagation = 'Background' | 'Foreground' | 'Orphan';

const JSON_TYPE = { 'content-type': 'application/json' };
// JSON is YAML, which is the only media type of server-side apply that every version knows.
const APPLY_TYPE = { 'content-type': 'application/apply-patch+yaml' };
const PAGE = 2_000;

const CrdSchema = z.looseObject({
  spec: z.object({
    group: z.string(),
    names: z.object({ plural: z.string() }),
    versions: z.array(z.object({ name: z.string(), served: z.boolean() })),
  }),
});
const ResourceNames = z.object({ resources: z.array(z.object({ name: z.string() })) });

/** A client for tests by which they look at the cluster from outside: it shares nothing with the product. */
export async function createAdmin(cluster: { readonly kubeconfig: string } | string): Promise<Admin> {
  const access = await readKubeconfig(typeof cluster === 'string' ? cluster : cluster.kubeconfig);
  return new Admin(new Connection(access));
}

/**
 * Paths are those of the API, such as `/api/v1/namespaces/a/configmaps/b`. Methods throw AdminError when the server
 * refuses and the connection's error when it does not answer.
 */
export class Admin {
  readonly #connection: Connection;
  readonly #paths: ResourcePaths;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#paths = new ResourcePaths(async (path) => this.json('GET', path));
  }

  async get(path: string): Promise<KubeObject> {
    return parseObject(await this.json('GET', path));
  }

  /** @returns undefined where there is none */
  async find(path: string): Promise<KubeObject | undefined> {
    try {
      return await this.get(path);
    } catch (error) {
      if (error instanceof AdminError && error.status === 404) return undefined;
      throw error;
    }
  }

  /** All pages of a collection; `path` may carry a query, such as `?labelSelector=a%3Db`. */
  async list(path: string): Promise<KubeList> {
    const items: KubeObject[] = [];
    for (let next = ''; ; ) {
      const query = new URLSearchParams({ limit: String(PAGE), ...(next === '' ? {} : { continue: next }) });
      const page = parseList(await this.json('GET', `${path}${path.includes('?') ? '&' : '?'}${query.toString()}`));
      for (const item of page.items) items.push(item);
      next = page.next;
      if (next === '') return { resourceVersion: page.resourceVersion, items };
    }
  }

  async create(manifest: Manifest): Promise<KubeObject> {
    const path = await this.#paths.collection(manifest);
    return parseObject(await this.json('POST', path, manifest, JSON_TYPE));
  }

  /** Creates many at once; `concurrency` requests are under way at any time. Throws at the first refusal. */
  async createMany(manifests: Iterable<Manifest>, concurrency = 32): Promise<void> {
    // All workers draw from the same iterator.
    const queue = manifests[Symbol.iterator]();
    const work = async (): Promise<void> => {
      for (let next = queue.next(); next.done !== true; next = queue.next()) await this.create(next.value);
    };
    await Promise.all(Array.from({ length: concurrency }, work));
  }

  /** Server-side apply. */
  async apply(manifest: Manifest, options: ApplyOptions = {}): Promise<KubeObject> {
    const { fieldManager = 'test-admin', force = false } = options;
    const query = new URLSearchParams({ fieldManager, force: String(force) });
    const path = await this.pathOf(manifest);
    return parseObject(await this.json('PATCH', `${path}?${query.toString()}`, manifest, APPLY_TYPE));
  }

  /** Applies the documents of a YAML file one after another, by force. */
  async applyFile(file: string, options: ApplyOptions = { force: true }): Promise<KubeObject[]> {
    const applied: KubeObject[] = [];
    for (const document of parseAllDocuments(await readFile(file, 'utf8'))) {
      const value: unknown = document.toJS();
      if (value !== null) applied.push(await this.apply(parseManifest(value), options));
    }
    return applied;
  }

  async patch(path: string, patch: unknown, type: PatchType = 'merge'): Promise<KubeObject> {
    const headers = { 'content-type': `application/${type}-patch+json` };
    return parseObject(await this.json('PATCH', path, patch, headers));
  }

  async replace(path: string, object: unknown): Promise<KubeObject> {
    return parseObject(await this.json('PUT', path, object, JSON_TYPE));
  }

  async delete(path: string, propagationPolicy: Propagation = 'Background'): Promise<void> {
    await this.json('DELETE', path, { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy }, JSON_TYPE);
  }

  /** A new namespace of a name that nobody else has. @returns its name */
  async createNamespace(prefix: string, labels: Readonly<Record<string, string>> = {}): Promise<string> {
    const metadata = { generateName: `${prefix}-`, labels };
    const namespace = await this.create({ apiVersion: 'v1', kind: 'Namespace', metadata });
    return namespace.metadata.name;
  }

  /** Where an object is served, from its apiVersion and kind; asks discovery at the first of each. */
  async pathOf(manifest: Manifest): Promise<string> {
    const { name } = manifest.metadata;
    if (name === undefined) throw new Error(`a ${manifest.kind} without a name has no path`);
    return `${await this.#paths.collection(manifest)}/${encodeURIComponent(name)}`;
  }

  /** Looks again and again until the object is there and as wanted. A server that is away for a while is waited for. */
  async waitFor(path: string, wanted: (object: KubeObject) => boolean, options?: WaitOptions): Promise<KubeObject> {
    return eventually(path, async () => this.get(path), wanted, options);
  }

  /** The same for a whole collection. */
  async waitForList(path: string, wanted: (list: KubeList) => boolean, options?: WaitOptions): Promise<KubeList> {
    return eventually(path, async () => this.list(path), wanted, options);
  }

  async waitForGone(path: string, options?: WaitOptions): Promise<void> {
    await eventually(
      path,
      async () => this.find(path),
      (object) => object === undefined,
      options,
    );
  }

  /** Until the objects of a CustomResourceDefinition can be created. */
  async waitForCrd(name: string, options?: WaitOptions): Promise<void> {
    const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${name}`;
    const crd = await this.waitFor(path, isEstablished, options);
    const { root, plural } = servedBy(crd);
    const isNamed = (document: unknown): boolean =>
      ResourceNames.parse(document).resources.some((resource) => resource.name === plural);
    await eventually(root, async () => this.json('GET', root), isNamed, options);
    await this.waitForList(`${root}/${plural}`, () => true, options);
  }

  /** Any request; answers with the body parsed as JSON. */
  async json(
    method: string,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<unknown> {
    const answer = await this.request(method, path, body, headers);
    if (answer.status < 200 || answer.status > 299) throw new AdminError(`${method} ${path}`, answer);
    return JSON.parse(answer.body);
  }

  /** Any request, with whatever answer it gets. */
  async request(
    method: string,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    return this.#connection.call({
      method,
      path,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  }

  close(): void {
    this.#connection.close();
  }
}

function isEstablished(crd: KubeObject): boolean {
  return conditionOf(crd, 'Established')?.['status'] === 'True';
}

function servedBy(crd: KubeObject): { readonly root: string; readonly plural: string } {
  const { group, names, versions } = CrdSchema.parse(crd).spec;
  const version = versions.find(({ served }) => served)?.name ?? '';
  return { root: `/apis/${group}/${version}`, plural: names.plural };
}
