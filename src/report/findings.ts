import { type CachedObject, objectKey } from '../api/object.ts';
import { apiVersionOf, type GroupResourceName, groupResourceName } from '../api/resource.ts';
import { SEVERITIES } from '../api/rule.ts';
import type { ReportedViolation } from '../api/status.ts';
import { dropOldest } from '../base/bounded.ts';
import type { KindContext, Program, Result, ResultCode } from '../policy/program.ts';
import { changesBetween, NO_CHANGES, type ResultChanges } from './result-changes.ts';
import { timestamp } from './timestamp.ts';

/** Objects of a policy of which it is known since when something was said earlier, at most: many never come again. */
const MOST_EARLIER = 10_000;

/** Group, kind, namespace and name of an object: what a status names it by, whatever the version. */
export type ObjectId = string;

export function objectId({ group, kind }: KindContext, key: string): ObjectId {
  return `${group}/${kind} ${key}`;
}

export interface DatedResult extends Result {
  /** RFC 3339 */
  readonly since: string;
}

/** An object that the policy has something to say about. */
export interface Reported {
  readonly kind: KindContext;
  readonly namespace: string;
  readonly name: string;
  /** Of the object and of the policy: others of the same names begin anew. */
  readonly uid: string;
  readonly policyUid: string;
  readonly results: readonly DatedResult[];
}

/** Since when something was said about an object that was not evaluated again yet. */
type Earlier = Pick<DatedResult, 'rule' | 'result' | 'message' | 'since'>;

interface Finding {
  readonly reported: Reported;
  readonly result: DatedResult;
}

/** How many results of each kind every rule gives. */
export type ResultCounts = ReadonlyMap<string, Readonly<Record<Result['result'], number>>>;

/** The results of one policy, and since when each stands. */
export class Findings {
  readonly #counts = new Map<string, Record<Result['result'], number>>();
  readonly #reported = new Map<ObjectId, Reported>();
  readonly #earlier = new Map<ObjectId, readonly Earlier[]>();
  /** Of these, those that were set aside: what is not said again has ended. */
  readonly #aside = new Map<ObjectId, Reported>();
  /** How many results an earlier process knew beyond those that its status lists, and until when that was. */
  #unlisted = 0;
  #adoptedAt = 0;
  /** Objects of which one of them may be to say again. */
  readonly #awaited = new Set<ObjectId>();

  /**
   * Takes over since when results stand, from a status that an earlier process wrote; `total`: with those that it does
   * not list; `now`: in milliseconds since the Unix epoch.
   */
  adopt(violations: readonly ReportedViolation[], total: number, now: number): void {
    this.#unlisted = Math.max(0, total - violations.length);
    this.#adoptedAt = now;
    for (const { apiVersion, kind, namespace = '', name, rule, result, message, since } of violations) {
      const slash = apiVersion.indexOf('/');
      const group = slash === -1 ? '' : apiVersion.slice(0, slash);
      this.#addEarlier(`${group}/${kind} ${objectKey({ namespace, name })}`, { rule, result, message, since });
    }
  }

  forgetEarlier(): void {
    this.#earlier.clear();
    this.#aside.clear();
    this.#unlisted = 0;
    this.#awaited.clear();
  }

  /** Whether an earlier process has said more than its status lists. */
  get hasUnlisted(): boolean {
    return this.#unlisted > 0;
  }

  /** What an earlier process said last of the object that the rule could not do; `created`: in seconds. */
  earlierErrors(id: ObjectId, rule: string, created: number): readonly string[] {
    const earlier = this.#earlier.get(id) ?? [];
    return earlier
      .filter((old) => old.rule === rule && old.result === 'Error' && isAbout(old, created))
      .map(({ message }) => message);
  }

  /** By rule; kept by difference. */
  get counts(): ResultCounts {
    return this.#counts;
  }

  /**
   * Replaces what is said about the object, and returns what that changes. `now`: in milliseconds since the Unix epoch;
   * `isAwaited`: what of it an earlier process said already is still to be confirmed.
   */
  set(
    kind: KindContext,
    object: CachedObject,
    program: Program,
    results: readonly Result[],
    now: number,
    isAwaited: boolean,
  ): ResultChanges {
    if (results.length === 0 && this.#reported.size === 0 && this.#earlier.size === 0) return NO_CHANGES;
    const id = objectId(kind, objectKey(object));
    const before = this.#reported.get(id) ?? this.#aside.get(id);
    this.#aside.delete(id);
    const earlier = this.#earlier.get(id) ?? [];
    this.#earlier.delete(id);
    const kept = isAwaited ? earlier.filter((old) => results.some((result) => isSame(old, result))) : [];
    if (kept.length > 0) this.#earlier.set(id, kept);
    const wasAwaited = this.#awaited.delete(id) && object.created * 1_000 <= this.#adoptedAt;
    if (isAwaited && this.hasUnlisted) this.#awaited.add(id);
    if (results.length === 0) {
      this.delete(id);
      return before?.uid === object.uid ? { appeared: [], ended: before.results } : NO_CHANGES;
    }
    const { namespace, name, uid } = object;
    const policyUid = program.uid;
    const same = before?.uid === uid && before.policyUid === policyUid ? before.results : [];
    const today = timestamp(now);
    /** What an earlier process said already is no news. */
    const saidBefore = new Set<DatedResult>();
    const dated = results.map((result) => {
      const standing = standsSince(result, same);
      const since = standing ?? stoodSince(result, earlier, object.created);
      const next = { ...result, since: since ?? today };
      if (standing === undefined && (since !== undefined || (wasAwaited && this.#wasUnlisted(result))))
        saidBefore.add(next);
      return next;
    });
    this.delete(id);
    this.#reported.set(id, { kind, namespace, name, uid, policyUid, results: dated });
    this.#count(dated, 1);
    const { appeared, ended } = changesBetween(same, dated);
    return { appeared: appeared.filter((result) => !saidBefore.has(result)), ended };
  }

  /** Nothing is said about the object any more. Returns what was. */
  delete(id: ObjectId): Reported | undefined {
    const reported = this.#reported.get(id);
    this.#reported.delete(id);
    if (reported !== undefined) this.#count(reported.results, -1);
    return reported;
  }

  /** The object is not watched for now: if the same is said when it is again, it stands since then. */
  setAside(id: ObjectId): void {
    const reported = this.delete(id);
    if (reported === undefined) return;
    for (const { rule, result, message, since } of reported.results)
      this.#addEarlier(id, { rule, result, message, since });
    this.#aside.set(id, reported);
    dropOldest(this.#aside, MOST_EARLIER);
  }

  /** The first `limit` results by severity, namespace, name and rule. One look at each result, whatever their number. */
  first(limit: number): readonly ReportedViolation[] {
    const first: Finding[] = [];
    for (const reported of this.#reported.values()) {
      for (const result of reported.results) insertBounded(first, { reported, result }, limit);
    }
    return first.map(violationOf);
  }

  /** At most `limit` objects about which a result of this code is reported, in words. */
  examples(code: ResultCode, limit: number): readonly string[] {
    const examples: string[] = [];
    for (const { kind, namespace, name, results } of this.#reported.values()) {
      const result = results.find((each) => each.code === code);
      if (result === undefined) continue;
      examples.push(`${kind.kind} ${objectKey({ namespace, name })}: ${result.message}`);
      if (examples.length >= limit) break;
    }
    return examples.toSorted();
  }

  /** Nobody knows which they were: as many errors as there were are taken for them. */
  #wasUnlisted({ result }: Result): boolean {
    if (result !== 'Error' || this.#unlisted === 0) return false;
    this.#unlisted -= 1;
    return true;
  }

  #count(results: readonly Result[], by: 1 | -1): void {
    for (const { rule, result } of results) {
      const counts = this.#counts.get(rule) ?? { Violation: 0, Error: 0, Yielded: 0 };
      counts[result] += by;
      if (counts.Violation + counts.Error + counts.Yielded === 0) this.#counts.delete(rule);
      else this.#counts.set(rule, counts);
    }
  }

  #addEarlier(id: ObjectId, earlier: Earlier): void {
    const known = this.#earlier.get(id) ?? [];
    this.#earlier.delete(id);
    this.#earlier.set(id, [...known, earlier]);
    dropOldest(this.#earlier, MOST_EARLIER);
  }
}

function standsSince({ rule, code, result }: Result, same: readonly DatedResult[]): string | undefined {
  return same.find((old) => old.rule === rule && old.code === code && old.result === result)?.since;
}

function stoodSince({ rule, result }: Result, earlier: readonly Earlier[], created: number): string | undefined {
  return earlier.find((old) => old.rule === rule && old.result === result && isAbout(old, created))?.since;
}

/** `created`, in seconds: what was said before that was about another object of this name. */
function isAbout({ since }: Earlier, created: number): boolean {
  return Date.parse(since) >= created * 1_000;
}

function isSame({ rule, result, message }: Earlier, now: Result): boolean {
  return rule === now.rule && result === now.result && message === now.message;
}

/** Keeps `sorted` in order and at most `limit` long. */
function insertBounded(sorted: Finding[], finding: Finding, limit: number): void {
  const last = sorted.at(-1);
  if (sorted.length >= limit && (last === undefined || order(finding, last) >= 0)) return;
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const other = sorted[middle];
    if (other !== undefined && order(other, finding) <= 0) low = middle + 1;
    else high = middle;
  }
  sorted.splice(low, 0, finding);
  if (sorted.length > limit) sorted.pop();
}

function order(a: Finding, b: Finding): number {
  return (
    SEVERITIES.indexOf(a.result.severity) - SEVERITIES.indexOf(b.result.severity) ||
    compare(a.reported.namespace, b.reported.namespace) ||
    compare(a.reported.name, b.reported.name) ||
    compare(a.result.rule, b.result.rule) ||
    compare(kindName(a), kindName(b))
  );
}

function kindName({ reported }: Finding): GroupResourceName {
  return groupResourceName(reported.kind);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function violationOf({ reported: { kind, namespace, name }, result }: Finding): ReportedViolation {
  return {
    apiVersion: apiVersionOf(kind),
    kind: kind.kind,
    ...(namespace === '' ? {} : { namespace }),
    name,
    rule: result.rule,
    result: result.result,
    severity: result.severity,
    message: result.message,
    since: result.since,
  };
}
