import { type CachedObject, NO_KEYS, NO_OWNERS } from '../../src/api/object.ts';

/** A cached object with what a test cares about; its uid follows from its name unless given. */
export function cachedObject(fields: Partial<CachedObject> & { readonly name: string }): CachedObject {
  const namespace = fields.namespace ?? 'default';
  return {
    namespace,
    uid: `uid-${namespace}-${fields.name}`,
    resourceVersion: '1',
    generation: 1,
    created: 1_700_000_000,
    deleting: false,
    controlled: false,
    owners: NO_OWNERS,
    labels: {},
    annotations: {},
    applied: NO_KEYS,
    retained: NO_KEYS,
    body: undefined,
    ...fields,
  };
}
