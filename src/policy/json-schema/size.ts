/** What a value weighs: its members, entries and texts, the long ones by their length. */
export type Weighed =
  | { readonly ok: true; readonly weight: number; readonly hasBigInt: boolean }
  /** What it has too much of. */
  | { readonly ok: false; readonly problem: string };

export const MAX_DEPTH = 256;
/** A text weighs one more for each so many characters. */
const TEXT_UNIT = 32;

/** Weighs a value up to `limit`, level by level: no recursion. */
export function weigh(root: unknown, limit: number): Weighed {
  let weight = 0;
  let hasBigInt = false;
  let level: readonly unknown[] = [root];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) return { ok: false, problem: `lists and objects nested deeper than ${MAX_DEPTH} levels` };
    const below: unknown[] = [];
    for (const value of level) {
      weight += 1;
      if (typeof value === 'string') weight += Math.floor(value.length / TEXT_UNIT);
      else if (typeof value === 'bigint') hasBigInt = true;
      else if (Array.isArray(value)) for (const entry of value.slice(0, limit + 1)) below.push(entry);
      else if (typeof value === 'object' && value !== null) {
        for (const [name, member] of Object.entries(value)) {
          weight += Math.floor(name.length / TEXT_UNIT);
          below.push(member);
        }
      }
      if (weight + below.length > limit) return { ok: false, problem: 'more than its schema may be asked about' };
    }
    level = below;
  }
  return { ok: true, weight, hasBigInt };
}

/** A copy with numbers in place of BigInts, rounded. Of values that were weighed: the recursion is bounded. */
export function withNumbers(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(withNumbers);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, withNumbers(member)]));
}

/** Text that is the same for equal values and for no others, whatever the order of members. Recursion bounded likewise. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'undefined';
  const members = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join(',')}}`;
}
