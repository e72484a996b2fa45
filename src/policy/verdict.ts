import { type CachedObject, valueIn } from '../api/object.ts';
import type { Desired } from './desired.ts';
import { type Draft, ENDED, type Intent, resultOf, tooMuchWork } from './intent.ts';
import type { KeyPatterns } from './key-patterns.ts';
import { describeKey } from './messages.ts';
import { CHANNELS, type Channel, type JudgedView, type Program, type Result, type Rule } from './program.ts';
import { owns } from './subject.ts';
import { blockerOf, type Decide, effectOn, moveOf, type Winners, winnerOf, winnersOf } from './winners.ts';
import { TooMuchWork, type Work } from './work.ts';

/** What one policy has to say about one object. */
export interface Verdict {
  readonly matched: boolean;
  /** We own a key on the object on this policy's behalf. */
  readonly owned: boolean;
  /** Something that the answer depends on was not seen yet. */
  readonly pending: boolean;
  readonly results: readonly Result[];
  /** More may be to say, as an earlier process knew, once a write has its answer. */
  readonly isAwaited?: true;
}

/** What came of all policies on the object together. */
export interface Outcome {
  readonly object: CachedObject;
  readonly held: ReadonlyMap<string, KeyPatterns>;
  /** Among the policies that are enforced. */
  readonly winners: Winners;
  /** See `ownersAmong`. */
  readonly owners: ReadonlySet<Program>;
  /** Undefined where nothing may be written. */
  readonly desired: Desired | undefined;
  readonly judged: JudgedView;
}

/** `work`: what the policy may still do with the object. */
export function verdictOf(draft: Draft, outcome: Outcome, work: Work): Verdict {
  const { program, matched, pending } = draft;
  const results: Result[] = [...draft.errors];
  if (draft.intents.length > 0) aboutIntents(draft, outcome, results);
  if (program.mode === 'Audit' && !pending) aboutRemoval(draft, outcome, results);
  // What is not seen yet may still bring what is required.
  if (matched && !pending) aboutJudgements(program, outcome, work, results);
  return sharedVerdict(matched, isOwned(outcome, program), pending, results);
}

const NO_RESULTS: readonly Result[] = Object.freeze([]);
const frozen = (matched: boolean, owned: boolean): Verdict =>
  Object.freeze({ matched, owned, pending: false, results: NO_RESULTS });
/** Of a policy that has nothing to do with the object. */
export const UNMATCHED = frozen(false, false);
const UNMATCHED_OWNED = frozen(false, true);
const COMPLIANT = frozen(true, false);
const COMPLIANT_OWNED = frozen(true, true);

/** Shared objects for the common answers: a table of 50,000 compliant objects costs pointers only. */
export function sharedVerdict(matched: boolean, owned: boolean, pending: boolean, results: readonly Result[]): Verdict {
  if (results.length > 0 || pending) return { matched, owned, pending, results };
  if (matched) return owned ? COMPLIANT_OWNED : COMPLIANT;
  return owned ? UNMATCHED_OWNED : UNMATCHED;
}

// ---- Rules that write ----------------------------------------------------------------------------------------------

function aboutIntents(draft: Draft, { object, winners, desired }: Outcome, results: Result[]): void {
  const isAudit = draft.program.mode === 'Audit';
  // A policy in Audit is none of the competitors, so its own rules are settled here.
  const own = isAudit ? winnersOf(object, [draft]) : winners;
  const decide: Decide = (channel, key) => firstOf(winnerOf(own, channel, key), winnerOf(winners, channel, key));
  for (const intent of draft.intents) {
    // A move is told of once.
    if (intent.kind === 'Hold' || (intent.kind === 'Write' && intent.move !== undefined)) continue;
    const blocker = blockerOf(object, intent, decide);
    if (blocker !== undefined) {
      results.push(yielded(intent, blocker));
    } else if (effectOn(object, intent) === 'Protected') {
      results.push(protectedKey(intent));
    } else if (effectOn(object, intent) === 'Blocked') {
      results.push(renameBlocked(intent));
    } else if (isAudit && desired !== undefined) {
      const change = wouldChange(object, intent);
      if (change !== undefined) results.push(change);
    }
  }
}

function firstOf(a: Intent | undefined, b: Intent | undefined): Intent | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a.place <= b.place ? a : b;
}

function yielded(intent: Intent, winner: Intent): Result {
  const rule = `rule '${winner.rule.name}'`;
  const decides = winner.program === intent.program ? rule : `policy '${winner.program.policy}' ${rule}`;
  const why = winner.kind === 'Hold' ? ', which cannot say what it wants now and keeps it as it is' : '';
  const renamed = moveOf(intent) === undefined ? '' : `${describeKey(intent.channel, intent.key)} is not renamed: `;
  const message = `${renamed}${describeKey(winner.channel, winner.key)} is decided by ${decides}${why}`;
  return resultOf(intent.rule, 'Yielded', 'Yielded', message);
}

function protectedKey(intent: Intent): Result {
  const key = describeKey(intent.channel, intent.key);
  const done = intent.kind !== 'Remove' ? 'changed' : intent.move === undefined ? 'removed' : 'renamed';
  const message = `${key} is not ${done}: the object belongs to a controller, which may select it by this label`;
  return resultOf(intent.rule, 'Error', 'ProtectedKey', message);
}

function renameBlocked(intent: Intent): Result {
  const { channel, key, rule } = intent;
  const to = describeKey(channel, moveOf(intent)?.to ?? key);
  const message = `${describeKey(channel, key)} is not renamed: ${to} is there already with another value`;
  return resultOf(rule, 'Error', 'RenameBlocked', message);
}

/** What Enforce would write. Annotation values are never shown. */
function wouldChange(object: CachedObject, intent: Intent): Result | undefined {
  const { channel, key } = intent;
  const live = valueIn(object[channel], key);
  const effect = effectOn(object, intent);
  if (intent.kind === 'Remove') {
    if (effect !== 'Remove' && effect !== 'Keep') return undefined;
    const now = channel === 'labels' ? `is '${live}'` : 'is there';
    const { move } = intent;
    const [code, wanted] =
      move === undefined
        ? (['WouldRemove', 'would be removed'] as const)
        : (['WouldRename', `would be renamed to '${move.to}'`] as const);
    return resultOf(intent.rule, 'Violation', code, `${describeKey(channel, key)} ${now} and ${wanted}`);
  }
  if (intent.kind !== 'Write' || live === intent.value || effect !== 'Write') return undefined;
  const now = live === undefined ? 'is absent' : channel === 'labels' ? `is '${live}'` : 'has another value';
  const wanted = channel === 'labels' ? `would be set to '${intent.value}'` : 'would be set';
  return resultOf(intent.rule, 'Violation', 'WouldChange', `${describeKey(channel, key)} ${now} and ${wanted}`);
}

/** What Enforce would remove: keys that were set while this policy was enforced, and that nothing wants now. */
function aboutRemoval({ program, intents }: Draft, outcome: Outcome, results: Result[]): void {
  const { object, held, winners, desired } = outcome;
  const since = held.get(program.policy);
  if (desired === undefined || program.removal === 'Retain' || since === undefined) return;
  for (const channel of CHANNELS) {
    for (const key of object.applied[channel]) {
      if (!since.fits(channel, key) || winners[channel].has(key)) continue;
      if (isHeldByOther(held, program.policy, channel, key)) continue;
      if (intents.some((intent) => intent.channel === channel && intent.key === key)) continue;
      const rule = program.rules.find((candidate) => writesKey(candidate, channel, key)) ?? program.rules[0];
      if (rule === undefined) continue;
      const message = `${describeKey(channel, key)}, set by Watchkeeper, is not wanted any more and would be removed`;
      results.push(resultOf(rule, 'Violation', 'WouldRemove', message));
    }
  }
}

function isHeldByOther(held: Outcome['held'], policy: string, channel: Channel, key: string): boolean {
  for (const [other, keys] of held) if (other !== policy && keys.fits(channel, key)) return true;
  return false;
}

function writesKey({ writes }: Rule, channel: Channel, key: string): boolean {
  return writes.some((write) => write.writes.fits(channel, key));
}

// ---- Rules that judge ----------------------------------------------------------------------------------------------

function aboutJudgements({ rules }: Program, { judged }: Outcome, work: Work, results: Result[]): void {
  for (const rule of rules) {
    let tooMuch: TooMuchWork | undefined;
    for (const judge of rule.judgements) {
      if (!work.begins('Judgement')) {
        results.push(resultOf(rule, 'Error', 'SourceTooLarge', ENDED));
        return;
      }
      try {
        const faults = judge(judged, work);
        work.said(faults.length);
        for (const { result, code, message } of faults) {
          // That a rule cannot be applied is not what its message is about.
          const words = result === 'Violation' ? (rule.message ?? message) : message;
          results.push(resultOf(rule, result, code, words));
        }
      } catch (error) {
        if (!(error instanceof TooMuchWork)) throw error;
        tooMuch = error;
        work.said(1);
      }
    }
    if (tooMuch !== undefined) results.push(tooMuchWork(rule, tooMuch));
  }
}

// ---- Ownership -----------------------------------------------------------------------------------------------------

const NOBODY: ReadonlySet<Program> = new Set();

/** The programs by which a key on the object is ours, because they decide it. */
export function ownersAmong(object: CachedObject, winners: Winners): ReadonlySet<Program> {
  let owners: Set<Program> | undefined;
  for (const channel of CHANNELS) {
    if (object.applied[channel].length + object.retained[channel].length === 0) continue;
    for (const [key, { program, kind }] of winners[channel]) {
      if (kind !== 'Remove' && owns(object, channel, key)) {
        owners ??= new Set();
        owners.add(program);
      }
    }
  }
  return owners ?? NOBODY;
}

/** Whether a key on the object is ours because of this policy: it decides the key, or the key is held for it. */
function isOwned({ object, held, winners, owners }: Outcome, program: Program): boolean {
  if (owners.has(program)) return true;
  const heldKeys = held.get(program.policy);
  if (heldKeys === undefined) return false;
  return CHANNELS.some((channel) =>
    [...object.applied[channel], ...object.retained[channel]].some(
      (key) => !winners[channel].has(key) && heldKeys.fits(channel, key),
    ),
  );
}
