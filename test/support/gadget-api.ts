import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import { AggregatedStore, type StoreEvent } from './aggregated-store.ts';
import { answer } from './breakable-server.ts';

const V2 = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
const APPLY = 'application/apply-patch+yaml';
const VERBS = ['delete', 'get', 'list', 'patch', 'watch'];
export const VERSION = 'v1';

export interface GadgetApiOptions {
  /** Its API group, which nobody else may have; the kind is Gadget, the resource `gadgets`, the version v1, namespaced. */
  readonly group: string;
  /** Whether it can do server-side apply; where not, it answers 415 to it. Default true. */
  readonly serverSideApply?: boolean;
}

interface Target {
  /** '' for all. */
  readonly namespace: string;
  readonly name: string;
}

/** What an aggregated API server answers: discovery, old and new, and one kind in JSON alone. */
export class GadgetApi {
  readonly group: string;
  readonly store: AggregatedStore;
  readonly #canApply: boolean;

  constructor({ group, serverSideApply = true }: GadgetApiOptions) {
    this.group = group;
    this.store = new AggregatedStore(`${group}/${VERSION}`, 'Gadget');
    this.#canApply = serverSideApply;
  }

  handle(request: Http2ServerRequest, response: Http2ServerResponse, body: string): void {
    const { pathname, searchParams } = new URL(request.url, 'https://localhost');
    const { accept = '' } = request.headers;
    if (pathname === '/apis') {
      if (accept.includes('apidiscovery.k8s.io;v=v2;')) answer(response, 200, this.#aggregatedDiscovery(), V2);
      else answer(response, 200, { kind: 'APIGroupList', apiVersion: 'v1', groups: [this.#apiGroup()] });
      return;
    }
    const root = `/apis/${this.group}`;
    if (pathname === root) answer(response, 200, { kind: 'APIGroup', apiVersion: 'v1', ...this.#apiGroup() });
    else if (pathname === `${root}/${VERSION}`) answer(response, 200, this.#resourceList());
    else if (pathname.startsWith(`${root}/${VERSION}/`)) {
      const rest = pathname.slice(`${root}/${VERSION}/`.length).split('/');
      const [namespace, name] = rest[0] === 'namespaces' ? [rest[1] ?? '', rest[3] ?? ''] : ['', rest[1] ?? ''];
      if (name !== '') this.#one(request, response, { namespace, name }, body, searchParams);
      else if (request.method === 'GET' && searchParams.has('watch')) this.#watch(response, searchParams, namespace);
      else if (request.method === 'GET') this.#list(response, namespace);
      else refuse(response, 405, 'MethodNotAllowed', 'that cannot be done to a collection');
    } else refuse(response, 404, 'NotFound', 'there is nothing of that kind');
  }

  #list(response: Http2ServerResponse, namespace: string): void {
    const { resourceVersion } = this.store;
    const apiVersion = `${this.group}/${VERSION}`;
    answer(response, 200, {
      kind: 'GadgetList',
      apiVersion,
      metadata: { resourceVersion },
      items: this.store.list(namespace),
    });
  }

  #watch(response: Http2ServerResponse, query: URLSearchParams, namespace: string): void {
    response.writeHead(200, { 'content-type': 'application/json' });
    const told = ({ type, object }: StoreEvent) => {
      if (namespace !== '' && object.metadata.namespace !== namespace) return;
      response.write(`${JSON.stringify({ type, object })}\n`);
    };
    const end = this.store.watch(query.get('resourceVersion') ?? this.store.resourceVersion, told);
    const timer = setTimeout(() => response.end(), Number(query.get('timeoutSeconds') ?? 300) * 1_000);
    response.on('close', () => {
      clearTimeout(timer);
      end();
    });
  }

  #one(
    request: Http2ServerRequest,
    response: Http2ServerResponse,
    { namespace, name }: Target,
    body: string,
    query: URLSearchParams,
  ): void {
    const object = this.store.get(namespace, name);
    const isApply = request.headers['content-type'] === APPLY;
    if (request.method === 'PATCH' && isApply && !this.#canApply) {
      refuse(response, 415, 'UnsupportedMediaType', 'the body of the request was in an unknown format');
    } else if (object === undefined) refuse(response, 404, 'NotFound', `gadgets.${this.group} "${name}" not found`);
    else if (request.method === 'GET') answer(response, 200, object);
    else if (request.method === 'PATCH') {
      const manager = isApply ? (query.get('fieldManager') ?? '') : undefined;
      const patched = this.store.patch(object, JSON.parse(body), manager);
      if (patched === undefined) refuse(response, 409, 'Conflict', `uid mismatch: gadgets "${name}" is another object`);
      else answer(response, 200, patched);
    } else if (request.method === 'DELETE') {
      this.store.delete(namespace, name);
      answer(response, 200, { kind: 'Status', apiVersion: 'v1', status: 'Success' });
    } else refuse(response, 405, 'MethodNotAllowed', 'that cannot be done to an object');
  }

  #apiGroup() {
    const version = { groupVersion: `${this.group}/${VERSION}`, version: VERSION };
    return { name: this.group, versions: [version], preferredVersion: version };
  }

  #aggregatedDiscovery() {
    const resource = {
      resource: 'gadgets',
      responseKind: { group: this.group, version: VERSION, kind: 'Gadget' },
      scope: 'Namespaced',
      singularResource: 'gadget',
      verbs: VERBS,
    };
    const item = { metadata: { name: this.group }, versions: [{ version: VERSION, resources: [resource] }] };
    return { kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2', metadata: {}, items: [item] };
  }

  #resourceList() {
    const resource = { name: 'gadgets', singularName: 'gadget', namespaced: true, kind: 'Gadget', verbs: VERBS };
    const groupVersion = `${this.group}/${VERSION}`;
    return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources: [resource] };
  }
}

function refuse(response: Http2ServerResponse, code: number, reason: string, message: string): void {
  answer(response, code, { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message });
}
