import { silentLog } from '../../src/base/log.ts';
import { KindSet, type KindSetOptions } from '../../src/controller/kind-set.ts';

/** Kinds of which nobody is told; all that is not given is as quiet as it can be. */
export function quietKindSet(given: Partial<KindSetOptions> & Pick<KindSetOptions, 'clock'>): KindSet {
  return new KindSet({
    log: silentLog,
    objects: { add: () => {}, remove: () => {}, enqueue: () => {}, startPass: () => {} },
    missingVerbs: async () => [],
    sourceOf: () => ({ apiService: undefined, unreachable: false }),
    onChange: () => {},
    onNotFound: () => {},
    ...given,
  });
}
