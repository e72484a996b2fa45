import { apiVersionOf, type GroupVersionResource } from '../api/resource.ts';
import { type JsonRecord, numberOf, recordOf, textOf } from '../base/json-value.ts';
import type { KubeClient, KubeRequest } from './client.ts';
import { ApiError } from './errors.ts';
import { parseAnswer } from './json-answer.ts';
import { malformed } from './malformed.ts';
import { JSON_TEXT, MERGE_PATCH } from './media-types.ts';
import { LEASE_NAME } from './own-lease.ts';
import { collectionPath, objectPath } from './paths.ts';

export const LEASES: GroupVersionResource = { group: 'coordination.k8s.io', version: 'v1', resource: 'leases' };

/** The spec of a Lease, with the meanings that client-go gives its fields. */
export interface LeaseSpec {
  /** '' when nobody holds it. */
  readonly holder: string;
  readonly durationSeconds: number;
  /** RFC 3339 with microseconds. */
  readonly acquireTime: string;
  readonly renewTime: string;
  /** How often it went from one to another. */
  readonly transitions: number;
}

export interface Lease extends LeaseSpec {
  readonly resourceVersion: string;
}

export interface LeaseCall {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

/** Requests for our own Lease, on a connection of its own: no burst of other requests delays them. All reject with ApiError. */
export class LeaseClient {
  readonly #client: KubeClient;
  readonly #namespace: string;

  constructor(client: KubeClient, namespace: string) {
    this.#client = client;
    this.#namespace = namespace;
  }

  /** Undefined when there is none. */
  async read(call: LeaseCall): Promise<Lease | undefined> {
    try {
      return await this.#send({ method: 'GET', path: this.#path }, call);
    } catch (error) {
      if (error instanceof ApiError && error.code === 'NotFound') return undefined;
      throw error;
    }
  }

  /** 'Conflict' when there is one. */
  create(spec: LeaseSpec, call: LeaseCall): Promise<Lease> {
    const path = collectionPath(LEASES, this.#namespace);
    const metadata = { namespace: this.#namespace, name: LEASE_NAME };
    const body = JSON.stringify({ apiVersion: apiVersionOf(LEASES), kind: 'Lease', metadata, spec: fieldsOf(spec) });
    return this.#send({ method: 'POST', path, contentType: JSON_TEXT, body }, call);
  }

  /** Only if it is still as it was at this resourceVersion: else 'Conflict', or 'NotFound'. */
  change(spec: LeaseSpec, resourceVersion: string, call: LeaseCall): Promise<Lease> {
    const body = JSON.stringify({ metadata: { resourceVersion }, spec: fieldsOf(spec) });
    return this.#send({ method: 'PATCH', path: this.#path, contentType: MERGE_PATCH, body }, call);
  }

  get #path(): string {
    return objectPath(LEASES, this.#namespace, LEASE_NAME);
  }

  async #send(request: Pick<KubeRequest, 'method' | 'path' | 'contentType' | 'body'>, call: LeaseCall): Promise<Lease> {
    const { body } = await this.#client.request({
      ...request,
      ...call,
      accept: JSON_TEXT,
      pool: 'lease',
      ownPace: true,
    });
    return leaseOf(parseAnswer(body));
  }
}

function fieldsOf({ holder, durationSeconds, acquireTime, renewTime, transitions }: LeaseSpec) {
  return {
    holderIdentity: holder,
    leaseDurationSeconds: durationSeconds,
    acquireTime,
    renewTime,
    leaseTransitions: transitions,
  };
}

function leaseOf({ metadata, spec }: JsonRecord): Lease {
  const resourceVersion = textOf(recordOf(metadata)['resourceVersion']);
  const { holderIdentity, leaseDurationSeconds, acquireTime, renewTime, leaseTransitions } = recordOf(spec);
  if (resourceVersion === '') throw malformed('a Lease without a resourceVersion');
  return {
    resourceVersion,
    holder: textOf(holderIdentity),
    durationSeconds: numberOf(leaseDurationSeconds),
    acquireTime: textOf(acquireTime),
    renewTime: textOf(renewTime),
    transitions: numberOf(leaseTransitions),
  };
}
