import type { KindContext } from './program.ts';

/** Computes once for each kind: what is asked for every object of a kind, thousands of times, is the same for all of them. */
export function perKind<T extends {}>(compute: (kind: KindContext) => T): (kind: KindContext) => T {
  const known = new WeakMap<KindContext, T>();
  return (kind) => {
    let value = known.get(kind);
    if (value === undefined) {
      value = compute(kind);
      known.set(kind, value);
    }
    return value;
  };
}
