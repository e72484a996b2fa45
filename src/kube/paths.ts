import type { GroupVersionResource } from '../api/resource.ts';
import { ApiError } from './errors.ts';

/** `/apis/apps/v1/namespaces/NS/deployments`; without a namespace all objects of the kind. Throws ApiError 'BadRequest'. */
export function collectionPath({ group, version, resource }: GroupVersionResource, namespace = ''): string {
  const root = group === '' ? '/api' : `/apis/${segment(group)}`;
  const scope = namespace === '' ? '' : `/namespaces/${segment(namespace)}`;
  return `${root}/${segment(version)}${scope}/${segment(resource)}`;
}

/** One object; `namespace` is '' for a cluster-scoped one. Throws ApiError 'BadRequest'. */
export function objectPath(gvr: GroupVersionResource, namespace: string, name: string): string {
  return `${collectionPath(gvr, namespace)}/${segment(name)}`;
}

/** The status subresource of one object. Throws ApiError 'BadRequest'. */
export function statusPath(gvr: GroupVersionResource, namespace: string, name: string): string {
  return `${objectPath(gvr, namespace, name)}/status`;
}

const SEPARATOR_OR_CONTROL = /%(?:2F|5C|[01].|7F)/u;

/**
 * One segment, percent-encoded. Names come from the cluster and from policies: none may climb out of its place, also
 * not where something on the way decodes the path once more (so `/` and `\` are refused although they could be encoded).
 */
function segment(text: string): string {
  const encoded = text.isWellFormed() ? encodeURIComponent(text) : '';
  if (encoded === '' || encoded === '.' || encoded === '..' || SEPARATOR_OR_CONTROL.test(encoded)) {
    throw new ApiError({
      code: 'BadRequest',
      status: 0,
      reason: '',
      message: `${JSON.stringify(text)} cannot be part of a path on the API server`,
    });
  }
  return encoded;
}
