import * as z from 'zod';
import type { Admin } from '../cluster/api.ts';

const JSON_TYPE = { 'content-type': 'application/json' };
const AUTHORIZATION = '/apis/authorization.k8s.io/v1';

/** What may be done, as authorization.k8s.io names it. */
export interface Attempt {
  readonly verb: string;
  readonly group?: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
}

export interface Subject {
  readonly user: string;
  readonly groups: readonly string[];
}

export function serviceAccount(namespace: string, name: string): Subject {
  const groups = ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'];
  return { user: `system:serviceaccount:${namespace}:${name}`, groups };
}

export function person(user: string): Subject {
  return { user, groups: ['system:authenticated'] };
}

const Review = z.looseObject({ status: z.looseObject({ allowed: z.boolean().default(false) }) });

/** Whether the API server lets somebody do this; as `kubectl auth can-i --as` says it. */
export async function may(admin: Admin, { user, groups }: Subject, attempt: Attempt): Promise<boolean> {
  return review(admin, { user, groups, resourceAttributes: attempt });
}

/** The same for a path that is no resource, such as `/metrics`. */
export async function mayGet(admin: Admin, { user, groups }: Subject, path: string): Promise<boolean> {
  return review(admin, { user, groups, nonResourceAttributes: { path, verb: 'get' } });
}

async function review(admin: Admin, spec: object): Promise<boolean> {
  const body = { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec };
  const answer = await admin.json('POST', `${AUTHORIZATION}/subjectaccessreviews`, body, JSON_TYPE);
  return Review.parse(answer).status.allowed;
}

const Resources = z.looseObject({
  resources: z.array(z.looseObject({ name: z.string(), namespaced: z.boolean(), verbs: z.array(z.string()) })),
});
const Groups = z.looseObject({
  groups: z.array(z.looseObject({ preferredVersion: z.looseObject({ groupVersion: z.string() }) })),
});

/** Every verb on every resource and subresource that the server has, once for each of these namespaces where it has one. */
export async function everyAttempt(admin: Admin, namespaces: readonly string[]): Promise<Attempt[]> {
  const { groups } = Groups.parse(await admin.json('GET', '/apis'));
  const roots = ['/api/v1', ...groups.map(({ preferredVersion }) => `/apis/${preferredVersion.groupVersion}`)];
  const lists = await Promise.all(roots.map(async (root) => Resources.parse(await admin.json('GET', root))));
  return roots.flatMap((root, i) => {
    const group = root === '/api/v1' ? '' : (root.split('/')[2] ?? '');
    return (lists[i]?.resources ?? []).flatMap(({ name, namespaced, verbs }) => {
      const [resource = '', subresource] = name.split('/');
      const what = { group, resource, ...(subresource === undefined ? {} : { subresource }) };
      const places = namespaced ? namespaces.map((namespace) => ({ namespace })) : [{}];
      return places.flatMap((place) => verbs.map((verb) => ({ verb, ...what, ...place })));
    });
  });
}

/** `patch deployments/scale.apps in team-a`. */
export function attemptText({ verb, group = '', resource, subresource, namespace, name }: Attempt): string {
  const full = `${resource}${subresource === undefined ? '' : `/${subresource}`}${group === '' ? '' : `.${group}`}`;
  const object = name === undefined ? '' : ` ${name}`;
  return `${verb} ${full}${object}${namespace === undefined ? '' : ` in ${namespace}`}`;
}

const AT_ONCE = 16;

/** Of these, in words and sorted, what somebody may do. */
export async function allowed(admin: Admin, who: Subject, attempts: readonly Attempt[]): Promise<string[]> {
  const found: string[] = [];
  const rest = attempts.values();
  const work = async () => {
    for (const attempt of rest) if (await may(admin, who, attempt)) found.push(attemptText(attempt));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return found.toSorted();
}
