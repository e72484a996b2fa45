import type { CachedObject } from '../api/object.ts';
import { KeyPatterns } from './key-patterns.ts';
import { describeKey, truncate } from './messages.ts';
import {
  type Answer,
  CHANNELS,
  type Channel,
  type KindContext,
  type Move,
  type NamespaceLookup,
  type Overwrite,
  type Program,
  type Result,
  type ResultCode,
  type Rule,
  type RuleWrite,
  type Subject,
  type Wishes,
} from './program.ts';
import { subjectOf } from './subject.ts';
import { TooMuchWork, type Work } from './work.ts';

/** What a rule wants of a key. */
export type Want =
  | { readonly kind: 'Write'; readonly value: string; readonly overwrite: Overwrite; readonly move?: Move }
  /** That it is not there. */
  | { readonly kind: 'Remove'; readonly move?: Move }
  /** That it stays as it is, because the rule cannot say now. */
  | { readonly kind: 'Hold' };

interface Wanting {
  /** In the order of precedence over all policies on the object: the smallest wins a key. */
  readonly place: number;
  readonly program: Program;
  readonly rule: Rule;
  readonly channel: Channel;
}

/** What a rule wants of one key. Of a move there are two, with the same `move`. */
export type Intent = Wanting & Want & { readonly key: string };

/** What a rule wants of every key that fits, also of those that are not there and that another rule wants. */
export type Claim = Wanting & {
  readonly kind: 'Remove' | 'Hold';
  readonly keys: KeyPatterns;
  /** Of the keys, those that may be written. */
  readonly fits: (key: string) => boolean;
};

/** What one policy wants of an object, before it is known which policy wins which key. */
export interface Draft {
  readonly program: Program;
  readonly matched: boolean;
  /** Something that the answer depends on was not seen yet. */
  readonly pending: boolean;
  /** Those of claims are here too, for the keys that are there. */
  readonly intents: readonly Intent[];
  readonly claims: readonly Claim[];
  /** The place after the last. */
  readonly end: number;
  /** Of rules that cannot say what they want. */
  readonly errors: readonly Result[];
}

/** `place`: that of the first intent, which is the end of the policy before. */
export function draftOf(
  program: Program,
  object: CachedObject,
  kind: KindContext,
  namespaceOf: NamespaceLookup,
  place: number,
  work: Work,
): Draft {
  if (program.mode === 'Suspended') return silent(program, place);
  const subject = subjectOf(object, kind, program.writes, namespaceOf, work);
  const answer = answerOf(program, subject);
  if (answer === 'No') return silent(program, place);
  let pending = answer === 'Unknown';
  const draft = new RuleDraft(program, object, place);
  if (answer === 'TooMuchWork') draft.end(program.rules, UNMATCHABLE);
  else {
    for (const [i, rule] of program.rules.entries()) {
      const said = draft.tell(rule, answer === 'Yes' ? subject : undefined, work);
      pending ||= said === 'Unknown';
      if (said !== 'End') continue;
      draft.end(program.rules.slice(i), ENDED);
      break;
    }
  }
  const { intents, claims, place: end, errors } = draft;
  return { program, matched: answer === 'Yes', pending, intents, claims, end, errors };
}

/** Of a policy of which it would be too much to ask whether it is about the object. */
const UNMATCHABLE = 'whether the policy is about this object would take more work than is allowed';
/** Of a policy that has used up all it may do on an object. */
export const ENDED =
  'the policy would have to do more on this object than is allowed: this rule and those after it say nothing';

function answerOf(program: Program, subject: Subject): Answer | 'TooMuchWork' {
  try {
    return program.matches(subject);
  } catch (error) {
    if (!(error instanceof TooMuchWork)) throw error;
    return 'TooMuchWork';
  }
}

/**
 * Of a program that cannot see the object in its version: what it has set is held where its match, as far as metadata tell,
 * does not say no. Where the version is not served there is nothing to wait for, as where the kind is not.
 */
export function blindDraftOf(
  why: 'Pending' | 'NotServed',
  program: Program,
  object: CachedObject,
  kind: KindContext,
  namespaceOf: NamespaceLookup,
  place: number,
  work: Work,
): Draft {
  if (program.mode === 'Suspended') return silent(program, place);
  // The body that is at hand is of another version.
  const subject = subjectOf({ ...object, body: undefined }, kind, program.writes, namespaceOf, work);
  if (answerOf(program, subject) === 'No') return silent(program, place);
  const draft = new RuleDraft(program, object, place);
  for (const rule of program.rules) {
    if (rule.writes.length > 0) draft.rule = rule;
    for (const write of rule.writes) draft.holdAll(write);
  }
  const { intents, claims, place: end } = draft;
  return { program, matched: false, pending: why === 'Pending', intents, claims, end, errors: NONE };
}

const NONE: readonly never[] = [];

function silent(program: Program, end: number): Draft {
  return { program, matched: false, pending: false, intents: NONE, claims: NONE, end, errors: NONE };
}

/** Gathers what the rules of a policy want. */
class RuleDraft implements Wishes {
  readonly intents: Intent[] = [];
  readonly claims: Claim[] = [];
  readonly errors: Result[] = [];
  place: number;
  /** The one that speaks. */
  rule: Rule | undefined;
  readonly #program: Program;
  readonly #object: CachedObject;

  constructor(program: Program, object: CachedObject, place: number) {
    this.#program = program;
    this.#object = object;
    this.place = place;
  }

  /**
   * All that a rule wants. Without a subject it cannot be asked. `Unknown`: something was not seen yet. `End`: nothing of it, nor
   * of the rules after it, can be said.
   */
  tell(rule: Rule, subject: Subject | undefined, work: Work): 'Told' | 'Unknown' | 'End' {
    let said: 'Told' | 'Unknown' = 'Told';
    let tooMuch: TooMuchWork | undefined;
    if (rule.writes.length > 0) this.rule = rule;
    for (const write of rule.writes) {
      if (!work.begins('Wish')) return 'End';
      const told = subject === undefined ? 'Unknown' : this.#told(write, subject);
      if (told === 'Unknown') said = told;
      if (told !== 'Told') this.holdAll(write);
      if (told instanceof TooMuchWork) tooMuch = told;
    }
    if (tooMuch !== undefined) this.errors.push(tooMuchWork(rule, tooMuch));
    return said;
  }

  #told(write: RuleWrite, subject: Subject): 'Told' | 'Unknown' | TooMuchWork {
    try {
      return write.wish(subject, this);
    } catch (error) {
      if (!(error instanceof TooMuchWork)) throw error;
      return error;
    }
  }

  /** Nothing of these rules can be said: what they have set stays. */
  end(rules: readonly Rule[], why: string): void {
    const [first] = rules;
    const writing = rules.find(({ writes }) => writes.length > 0);
    if (first === undefined) return;
    this.errors.push(resultOf(writing ?? first, 'Error', 'SourceTooLarge', why));
    if (writing === undefined) return;
    this.rule = writing;
    this.holdAll({ decides: decidedBy(this.#program) });
  }

  write(channel: Channel, key: string, value: string, overwrite: Overwrite): void {
    this.#want(channel, key, { kind: 'Write', value, overwrite });
  }

  move(move: Move): void {
    const { channel, from, to, value } = move;
    this.#want(channel, from, { kind: 'Remove', move });
    this.#want(channel, to, { kind: 'Write', value, overwrite: 'IfAbsent', move });
  }

  remove(channel: Channel, keys: KeyPatterns, fits: (key: string) => boolean): void {
    this.#claim({ kind: 'Remove', channel, keys, fits }, Object.keys(this.#object[channel]));
  }

  fail(channel: Channel, key: string, code: ResultCode, why: string): void {
    this.#want(channel, key, HOLD);
    if (this.rule === undefined) return;
    this.errors.push(resultOf(this.rule, 'Error', code, `${describeKey(channel, key)} cannot be written: ${why}`));
  }

  /** The rule cannot say what it wants: what it set stays, and nobody who comes later decides. */
  holdAll({ decides }: Pick<RuleWrite, 'decides'>): void {
    for (const channel of CHANNELS) {
      if (decides[channel].length === 0) continue;
      const fits = (key: string) => decides.fits(channel, key);
      this.#claim({ kind: 'Hold', channel, keys: decides, fits }, this.#object.applied[channel]);
    }
  }

  #want(channel: Channel, key: string, want: Want): void {
    if (this.rule === undefined) return;
    this.intents.push({ place: this.place, program: this.#program, rule: this.rule, channel, key, ...want });
    this.place += 1;
  }

  /** All that a claim wants of single keys has its place. */
  #claim(claim: Pick<Claim, 'kind' | 'channel' | 'keys' | 'fits'>, there: readonly string[]): void {
    if (this.rule === undefined) return;
    const { kind, channel, fits } = claim;
    const wanting = { place: this.place, program: this.#program, rule: this.rule };
    this.claims.push({ ...wanting, ...claim });
    for (const key of there) if (fits(key)) this.intents.push({ ...wanting, channel, kind, key });
    this.place += 1;
  }
}

const HOLD: Want = { kind: 'Hold' };

const DECIDED = new WeakMap<Program, KeyPatterns>();

/** All keys that rules of the program write or remove. */
function decidedBy(program: Program): KeyPatterns {
  let keys = DECIDED.get(program);
  if (keys === undefined) {
    keys = KeyPatterns.union(program.rules.flatMap(({ writes }) => writes.map(({ decides }) => decides)));
    DECIDED.set(program, keys);
  }
  return keys;
}

/** Of a rule that cannot be applied to an object. */
export function tooMuchWork(rule: Rule, { message }: TooMuchWork): Result {
  return resultOf(rule, 'Error', 'SourceTooLarge', message);
}

export function resultOf(rule: Rule, result: Result['result'], code: ResultCode, message: string): Result {
  return { rule: rule.name, result, code, severity: rule.severity, message: truncate(message) };
}
