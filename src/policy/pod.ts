import type { CachedObject, StringMap } from '../api/object.ts';
import { type GroupResource, type GroupResourceName, groupResourceName } from '../api/resource.ts';
import type { KindContext, ObjectView } from './program.ts';

/** By kind, where its objects hold the pod that they make; a Pod is it itself. */
const POD_AT: ReadonlyMap<GroupResourceName, readonly string[]> = new Map([
  ['pods', []],
  ['replicationcontrollers', ['spec', 'template']],
  ['deployments.apps', ['spec', 'template']],
  ['statefulsets.apps', ['spec', 'template']],
  ['daemonsets.apps', ['spec', 'template']],
  ['replicasets.apps', ['spec', 'template']],
  ['jobs.batch', ['spec', 'template']],
  ['cronjobs.batch', ['spec', 'jobTemplate', 'spec', 'template']],
]);

/** Kinds that are or make pods. */
export const POD_RESOURCES: readonly GroupResourceName[] = [...POD_AT.keys()];

/** The top-level field in which they hold the pod. */
export const POD_FIELD = 'spec';

export function makesPods(resource: GroupResource): boolean {
  return POD_AT.has(groupResourceName(resource));
}

/** Why a path from the root of a pod cannot be followed in all that make pods; reads on after the path of the field. */
export function podPathProblem(head: readonly string[]): string | undefined {
  const [first = '', second = ''] = head;
  if (first === POD_FIELD || (first === 'metadata' && (second === 'labels' || second === 'annotations')))
    return undefined;
  return `must begin with $.${POD_FIELD}, $.metadata.labels or $.metadata.annotations on a rule about PodTemplate: a template has no more`;
}

/** The pod that an object is or makes, with the identity of the object. */
export function podOf(view: ObjectView): ObjectView | undefined {
  const at = POD_AT.get(groupResourceName(view.kind));
  if (at === undefined || at.length === 0) return at && view;
  let template: unknown = view.object.body;
  for (const field of at) template = memberOf(template, field);
  if (template === undefined) return undefined;
  const metadata = memberOf(template, 'metadata');
  const object: CachedObject = { ...view.object, body: { spec: memberOf(template, 'spec') } };
  return {
    object,
    kind: POD,
    labels: stringsIn(memberOf(metadata, 'labels')),
    annotations: stringsIn(memberOf(metadata, 'annotations')),
  };
}

const POD: KindContext = { group: '', resource: 'pods', version: 'v1', kind: 'Pod', scope: 'Namespaced' };

function memberOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return Reflect.get(value, name) ?? undefined;
}

function stringsIn(value: unknown): StringMap {
  if (typeof value !== 'object' || value === null) return {};
  const strings = Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  return Object.fromEntries(strings);
}
