/**
 * Compares two resourceVersions of one list/watch lineage as Kubernetes 1.35 and later promise: decimal integers without
 * leading zeros, by length, then lexically. Undefined when one of them is something else, as aggregated servers may send.
 */
export function compareResourceVersions(a: string, b: string): number | undefined {
  if (!isDecimal(a) || !isDecimal(b)) return undefined;
  if (a.length !== b.length) return a.length - b.length;
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** Whether one is earlier than another of its lineage; false where that cannot be told. */
export function isEarlier(a: string, b: string): boolean {
  return (compareResourceVersions(a, b) ?? 0) < 0;
}

function isDecimal(text: string): boolean {
  const first = text.charCodeAt(0);
  if (!(first >= 49 && first <= 57)) return false;
  for (let i = 1; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code < 48 || code > 57) return false;
  }
  return true;
}

/** False for '' and '0': a watch from there starts with whatever the server has, so it resumes nothing. */
export function isResumable(resourceVersion: string): boolean {
  return resourceVersion !== '' && resourceVersion !== '0';
}
