import { type CachedObject, type ObjectKey, objectKey } from '../api/object.ts';
import { type GroupResourceName, groupResourceName } from '../api/resource.ts';
import type { ReportedViolation } from '../api/status.ts';
import type { Clock } from '../base/clock.ts';
import { SlicedWork } from '../base/sliced-work.ts';
import { ruleOfRefusal, withError } from '../controller/refusals.ts';
import type { Departure, VerdictSink } from '../controller/verdict-sink.ts';
import type { KindContext, Program, ResultCode } from '../policy/program.ts';
import type { Verdict } from '../policy/verdict.ts';
import { refusalCodeOf } from '../write/answers.ts';
import { Findings, type ObjectId, objectId, type Reported, type ResultCounts } from './findings.ts';
import { count, isZero, type MutableTotals, noTotals, type PolicyTotals } from './policy-totals.ts';
import { NO_CHANGES, type ResultChanges } from './result-changes.ts';

/** The verdicts on one object, shared by all objects about which the same was said. */
interface ObjectRecord {
  readonly programs: readonly Program[];
  readonly verdicts: readonly Verdict[];
}

interface KindRecord {
  readonly context: KindContext;
  readonly objects: Map<ObjectKey, ObjectRecord>;
}

/** What was reported for a program and is not any more. */
interface Ended {
  readonly program: Program;
  readonly reported: Reported;
}

interface PolicyRecord {
  readonly totals: MutableTotals;
  readonly findings: Findings;
  /** The policy was deleted: what is still counted for it goes as its objects are evaluated again. */
  deleted: boolean;
}

/** What an object is told of by. */
export type ReportedObject = Pick<CachedObject, 'namespace' | 'name' | 'uid'>;

/** Told of each result that comes or goes; must not throw. */
export interface VerdictObserver {
  /** Something else is said about the object than before. */
  changed(kind: KindContext, object: ReportedObject, program: Program, changes: ResultChanges): void;
  /** Nothing is said any more, as the object or its policy is gone. */
  gone(policy: string, reported: Reported): void;
}

export interface VerdictTableOptions {
  readonly clock: Pick<Clock, 'now' | 'monotonic'>;
  /** Something else is said about the policy than before. */
  readonly onChange: (policy: string) => void;
  /** What is carried out of a policy; undefined when nothing is. */
  readonly inForce: (policy: string) => Program | undefined;
  readonly observer?: VerdictObserver;
}

/**
 * What every policy says about every object, counted exactly. Level-based: a new verdict replaces the old one, and counts
 * follow by difference. Compliant objects, usually nearly all, share their verdicts.
 */
export class VerdictTable implements VerdictSink {
  readonly #options: VerdictTableOptions;
  readonly #kinds = new Map<GroupResourceName, KindRecord>();
  readonly #policies = new Map<string, PolicyRecord>();
  readonly #shared = new WeakMap<readonly Program[], Map<string, ObjectRecord>>();
  /** Of kinds that were forgotten, what ended with them and nobody was told of yet: it may be all results of a large policy. */
  readonly #untold: { readonly kind: KindContext; readonly ended: Ended[] }[] = [];
  readonly #telling: SlicedWork;

  constructor(options: VerdictTableOptions) {
    this.#options = options;
    this.#telling = new SlicedWork(() => this.#tellNextEnd(), options.clock);
  }

  record(
    context: KindContext,
    object: CachedObject,
    programs: readonly Program[],
    verdicts: readonly Verdict[],
    isAwaited = false,
  ): void {
    const name = groupResourceName(context);
    let kind = this.#kinds.get(name);
    if (kind === undefined) {
      kind = { context, objects: new Map() };
      this.#kinds.set(name, kind);
    }
    const key = objectKey(object);
    const before = kind.objects.get(key);
    const said = isAwaited ? this.#withEarlier(objectId(context, key), object, programs, verdicts) : verdicts;
    // As nearly always; there may be a thousand of them.
    if (before?.programs === programs && isSame(before.verdicts, said)) return;
    const next = this.#share({ programs, verdicts: said });
    if (before === next) return;
    if (programs.length === 0) kind.objects.delete(key);
    else kind.objects.set(key, next);
    const changed = new Set<string>();
    if (before !== undefined) {
      const remove = (findings: Findings) => findings.delete(objectId(context, key));
      this.#countOut(before, next, changed, remove, (each) => this.#tellEnd(context, each, 'Left'));
    }
    this.#countIn(context, object, before, next, changed, isAwaited);
    this.#tell(changed);
  }

  forget(name: GroupResourceName, key: ObjectKey): void {
    this.depart(name, key)?.tell('Gone');
  }

  depart(name: GroupResourceName, key: ObjectKey): Departure | undefined {
    const kind = this.#kinds.get(name);
    const before = kind?.objects.get(key);
    if (kind === undefined || before === undefined) return undefined;
    kind.objects.delete(key);
    const changed = new Set<string>();
    const ended: Ended[] = [];
    const remove = (findings: Findings) => findings.delete(objectId(kind.context, key));
    this.#countOut(before, undefined, changed, remove, (each) => ended.push(each));
    this.#tell(changed);
    const [first] = ended;
    if (first === undefined) return undefined;
    return {
      object: first.reported,
      tell: (how) => {
        for (const each of ended) this.#tellEnd(kind.context, each, how);
      },
    };
  }

  /**
   * The kind is not watched any more, or in another way. For policies that are about it all the same its objects may come again,
   * with the same to be said about them, which is no news; for all others that is over.
   */
  forgetKind(name: GroupResourceName): void {
    const kind = this.#kinds.get(name);
    if (kind === undefined) return;
    const changed = new Set<string>();
    const over: Ended[] = [];
    const isAbout = this.#whoIsAbout(kind.context);
    for (const [key, before] of kind.objects) {
      const id = objectId(kind.context, key);
      const remove = (findings: Findings, program: Program) => {
        if (!isAbout(program)) return findings.delete(id);
        findings.setAside(id);
        return undefined;
      };
      this.#countOut(before, undefined, changed, remove, (each) => over.push(each));
    }
    this.#kinds.delete(name);
    this.#tell(changed);
    if (over.length === 0) return;
    this.#untold.push({ kind: kind.context, ended: over.toReversed() });
    this.#telling.soon();
  }

  /** The policy is gone. What was counted for it goes as the objects are evaluated again. */
  forgetPolicy(policy: string): void {
    const record = this.#policies.get(policy);
    if (record === undefined) return;
    record.deleted = true;
    record.findings.forgetEarlier();
    if (isZero(record.totals)) this.#policies.delete(policy);
  }

  /** A policy came, with what an earlier process said last: results that still stand do so since then. */
  adopt(policy: string, violations: readonly ReportedViolation[], total = violations.length): void {
    const record = this.#policy(policy);
    record.deleted = false;
    record.findings.adopt(violations, total, this.#options.clock.now());
  }

  /** How many results of each kind every rule of the policy gives. */
  counts(policy: string): ResultCounts {
    return this.#policies.get(policy)?.findings.counts ?? new Map();
  }

  totals(policy: string): PolicyTotals {
    return this.#policies.get(policy)?.totals ?? noTotals();
  }

  /** The first `limit` results by severity, namespace, name and rule. */
  violations(policy: string, limit: number): readonly ReportedViolation[] {
    return this.#policies.get(policy)?.findings.first(limit) ?? [];
  }

  /** At most `limit` objects about which a result of this code is reported, in words. */
  examples(policy: string, code: ResultCode, limit: number): readonly string[] {
    return this.#policies.get(policy)?.findings.examples(code, limit) ?? [];
  }

  /** Tells what is still to be told; then nothing is left under way. */
  stop(): void {
    this.#telling.stop();
    while (this.#tellNextEnd());
  }

  /** What an earlier process heard of its writes stands until ours have their answers. */
  #withEarlier(
    id: ObjectId,
    { created }: CachedObject,
    programs: readonly Program[],
    verdicts: readonly Verdict[],
  ): readonly Verdict[] {
    return verdicts.map((verdict, i) => {
      const program = programs[i];
      const findings = program && this.#policies.get(program.policy)?.findings;
      const rule = program && ruleOfRefusal(program, verdict);
      if (findings === undefined || rule === undefined) return verdict;
      const errors = findings
        .earlierErrors(id, rule.name, created)
        .filter((message) => verdict.results.every((result) => result.message !== message));
      const withErrors = errors.reduce(
        (said, message) => withError(said, rule, { code: refusalCodeOf(message), message }),
        verdict,
      );
      return findings.hasUnlisted ? { ...withErrors, isAwaited: true } : withErrors;
    });
  }

  #policy(name: string): PolicyRecord {
    let policy = this.#policies.get(name);
    if (policy === undefined) {
      policy = { totals: noTotals(), findings: new Findings(), deleted: false };
      this.#policies.set(name, policy);
    }
    return policy;
  }

  #countIn(
    kind: KindContext,
    object: CachedObject,
    before: ObjectRecord | undefined,
    next: ObjectRecord,
    changed: Set<string>,
    isAwaited: boolean,
  ): void {
    next.programs.forEach((program, i) => {
      const verdict = next.verdicts[i];
      if (verdict === undefined || verdict === verdictOf(before, program.policy, i)) return;
      const { totals, findings } = this.#policy(program.policy);
      count(totals, verdict, 1);
      const changes = findings.set(kind, object, program, verdict.results, this.#options.clock.now(), isAwaited);
      if (changes !== NO_CHANGES) this.#options.observer?.changed(kind, object, program, changes);
      changed.add(program.policy);
    });
  }

  /** Takes out of the counts what is not said any more, and out of the findings what no verdict of `next` replaces. */
  #countOut(
    before: ObjectRecord,
    next: ObjectRecord | undefined,
    changed: Set<string>,
    remove: (findings: Findings, program: Program) => Reported | undefined,
    ended: (each: Ended) => void,
  ): void {
    before.programs.forEach((program, i) => {
      const verdict = before.verdicts[i];
      const policy = this.#policies.get(program.policy);
      const instead = verdictOf(next, program.policy, i);
      if (verdict === undefined || policy === undefined || instead === verdict) return;
      count(policy.totals, verdict, -1);
      const reported = instead === undefined ? remove(policy.findings, program) : undefined;
      if (reported !== undefined) ended({ program, reported });
      if (policy.deleted && isZero(policy.totals)) this.#policies.delete(program.policy);
      changed.add(program.policy);
    });
  }

  /** Whether the policy of a program is there and about the kind, be this served now or not. Asked for each object. */
  #whoIsAbout(kind: KindContext): (program: Program) => boolean {
    const known = new Map<Program, boolean>();
    return (program) => {
      let isAbout = known.get(program);
      if (isAbout === undefined) {
        const present = this.#options.inForce(program.policy);
        isAbout = present?.uid === program.uid && isCarriedOutOn(present, kind);
        known.set(program, isAbout);
      }
      return isAbout;
    };
  }

  /** Returns whether there may be more. */
  #tellNextEnd(): boolean {
    const [first] = this.#untold;
    if (first === undefined) return false;
    const next = first.ended.pop();
    if (next === undefined) this.#untold.shift();
    else this.#tellEnd(first.kind, next, 'Left');
    return true;
  }

  /** Of a policy that is gone, what it said is gone with it. */
  #tellEnd(kind: KindContext, { program, reported }: Ended, how: 'Left' | 'Gone'): void {
    const isDeleted = this.#policies.get(program.policy)?.deleted !== false;
    if (how === 'Gone' || isDeleted || program.uid !== reported.policyUid)
      this.#options.observer?.gone(program.policy, reported);
    else this.#options.observer?.changed(kind, reported, program, { appeared: [], ended: reported.results });
  }

  #tell(changed: ReadonlySet<string>): void {
    for (const policy of changed) this.#options.onChange(policy);
  }

  /** Verdicts without results are one of few shared objects: equal records of them are one. */
  #share(record: ObjectRecord): ObjectRecord {
    if (record.verdicts.some(({ results, pending, isAwaited }) => results.length > 0 || pending || isAwaited))
      return record;
    let records = this.#shared.get(record.programs);
    if (records === undefined) {
      records = new Map();
      this.#shared.set(record.programs, records);
    }
    const id = record.verdicts.map(({ matched, owned }) => (matched ? 'm' : '-') + (owned ? 'o' : '-')).join('');
    const known = records.get(id);
    if (known !== undefined) return known;
    records.set(id, record);
    return record;
  }
}

/** `place`: where to look first. Usually both records are about the same programs, of which there may be hundreds. */
function verdictOf(record: ObjectRecord | undefined, policy: string, place: number): Verdict | undefined {
  if (record === undefined) return undefined;
  const { programs, verdicts } = record;
  const isThere = programs[place]?.policy === policy;
  return verdicts[isThere ? place : programs.findIndex((program) => program.policy === policy)];
}

function isCarriedOutOn({ mode, about }: Program, kind: KindContext): boolean {
  if (mode === 'Suspended') return false;
  const fit = about(kind);
  return fit.kind === 'Named' || fit.kind === 'Globbed';
}

/** Whether each verdict is the very same. Those without results are among few shared ones. */
function isSame(before: readonly Verdict[], next: readonly Verdict[]): boolean {
  for (let i = 0; i < next.length; i += 1) if (before[i] !== next[i]) return false;
  return before.length === next.length;
}
