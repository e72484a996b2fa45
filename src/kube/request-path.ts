/** What a path of the Kubernetes API names. '' stands for "none"; names are decoded. */
export interface RequestPath {
  /** '' for the core group. */
  readonly group: string;
  readonly version: string;
  readonly namespace: string;
  readonly resource: string;
  readonly name: string;
  /** With everything after it: `status`, `proxy/metrics`. */
  readonly subresource: string;
}

/** Subresources of a namespace itself; anything else after its name is a resource within it. */
const NAMESPACE_SUBRESOURCES: ReadonlySet<string> = new Set(['status', 'finalize']);

/** Undefined for paths that name no resource, such as `/version` and `/apis/apps/v1`. Throws URIError for a bad escape. */
export function parseRequestPath(path: string): RequestPath | undefined {
  const [root = '', ...parts] = path.slice(1).split('/').map(decodeURIComponent);
  if (root === 'apis') {
    const [group = '', version = '', ...rest] = parts;
    return rest.length === 0 ? undefined : resourcePath(group, version, rest);
  }
  if (root === 'api') {
    const [version = '', ...rest] = parts;
    return rest.length === 0 ? undefined : resourcePath('', version, rest);
  }
  return undefined;
}

function resourcePath(group: string, version: string, parts: readonly string[]): RequestPath {
  const [first = '', second = '', third = ''] = parts;
  const inNamespace =
    first === 'namespaces' && third !== '' && !(parts.length === 3 && NAMESPACE_SUBRESOURCES.has(third));
  const [resource = '', name = '', ...rest] = inNamespace ? parts.slice(2) : parts;
  return { group, version, namespace: inNamespace ? second : '', resource, name, subresource: rest.join('/') };
}
