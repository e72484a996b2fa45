import * as z from 'zod';
import type { Manifest } from './kube-object.ts';

interface ServedKind {
  readonly plural: string;
  readonly namespaced: boolean;
}

const ResourceList = z.object({
  resources: z.array(z.object({ name: z.string(), kind: z.string(), namespaced: z.boolean() })),
});

/** Paths of collections, learnt from discovery and kept; a kind that is not known yet is asked for again. */
export class ResourcePaths {
  readonly #read: (path: string) => Promise<unknown>;
  readonly #kinds = new Map<string, ServedKind>();

  /** `read` answers the parsed body of a GET. */
  constructor(read: (path: string) => Promise<unknown>) {
    this.#read = read;
  }

  /** Such as `/api/v1/namespaces/a/pods`. A manifest without a namespace means `default` where it needs one. */
  async collection(manifest: Manifest): Promise<string> {
    const { apiVersion, kind, metadata } = manifest;
    const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const key = `${apiVersion} ${kind}`;
    if (!this.#kinds.has(key)) await this.#learn(root, apiVersion);
    const served = this.#kinds.get(key);
    if (served === undefined) throw new Error(`the server knows no kind ${kind} in ${apiVersion}`);
    const scope = served.namespaced ? `/namespaces/${metadata.namespace ?? 'default'}` : '';
    return `${root}${scope}/${served.plural}`;
  }

  async #learn(root: string, apiVersion: string): Promise<void> {
    const { resources } = ResourceList.parse(await this.#read(root));
    for (const { name: plural, kind, namespaced } of resources) {
      if (!plural.includes('/')) this.#kinds.set(`${apiVersion} ${kind}`, { plural, namespaced });
    }
  }
}
