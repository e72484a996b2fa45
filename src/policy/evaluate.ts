import type { CachedObject } from '../api/object.ts';
import { payForClaims } from './claim-work.ts';
import { type Contention, withContention, withLeftKeys, withoutContended } from './contention.ts';
import { asItIs, type Desired, desiredOf } from './desired.ts';
import { blindDraftOf, type Draft, draftOf } from './intent.ts';
import { JudgedObject } from './judged-object.ts';
import type { KeyPatterns } from './key-patterns.ts';
import type { KeyProtection } from './key-protection.ts';
import type { KindContext, NamespaceLookup, Program, Sight } from './program.ts';
import { indexOf } from './program-index.ts';
import { type Outcome, ownersAmong, type Verdict, verdictOf } from './verdict.ts';
import { type Winners, winnersOf } from './winners.ts';
import { Work, WorkPool } from './work.ts';

/** What an evaluation is made of. */
export type { Desired, KeyValues } from './desired.ts';
export type { Verdict } from './verdict.ts';
export type { Winners } from './winners.ts';

export interface EvaluationInput {
  readonly object: CachedObject;
  readonly kind: KindContext;
  /** How a program sees the object, where not all see it as `object` and `kind` are. Its metadata are always the same. */
  readonly sightOf?: ((program: Program) => Sight) | undefined;
  /** Programs on this kind, sorted by `byPrecedence`. */
  readonly programs: readonly Program[];
  /**
   * By policy, the keys that it was last enforced with, for policies that do not enforce now (Audit, Suspended, not
   * accepted): they are kept as they are where nothing else wants them.
   */
  readonly held: ReadonlyMap<string, KeyPatterns>;
  /** Keys that stay for good where nothing wants them, as what the policy that set them says now. Default: none. */
  readonly handedOver?: readonly KeyPatterns[] | undefined;
  /**
   * Keys that no policy may write are not removed either, whoever says that they are ours: an object's author can say so, and
   * may have no right to remove them. Undefined where nothing is written.
   */
  readonly protection?: KeyProtection | undefined;
  readonly namespaceOf: NamespaceLookup;
  /** What is left alone on the object, because somebody fights over it. */
  readonly contention?: Contention | undefined;
}

export interface Evaluation {
  /** Undefined where nothing may be written: the object or its Namespace is terminating. */
  readonly desired: Desired | undefined;
  /** By key, the rule that decides it, among the policies that are enforced. */
  readonly winners: Winners;
  /** One for each program, in the same order. */
  readonly verdicts: readonly Verdict[];
}

/**
 * All policies on one object, once: what is to be written, and what each policy has to report. Pure; the operator and the
 * offline commands share it.
 */
export function evaluate(input: EvaluationInput): Evaluation {
  const { object, kind, sightOf, programs, held, namespaceOf, contention } = input;
  const told: Draft[] = [];
  const usual = { object, kind };
  const pool = new WorkPool(programs.length);
  const works: Work[] = [];
  const sights: Sight[] = [];
  const index = indexOf(programs);
  const places = index.candidates(input);
  let place = 0;
  for (const candidate of places) {
    const program = programs[candidate];
    if (program === undefined) continue;
    const sight = sightOf?.(program) ?? usual;
    const work = new Work(pool);
    const draft =
      typeof sight === 'string'
        ? blindDraftOf(sight, program, object, kind, namespaceOf, place, work)
        : draftOf(program, sight.object, sight.kind, namespaceOf, place, work);
    place = draft.end;
    told.push(draft);
    works.push(work);
    sights.push(sight);
  }
  const drafts = payForClaims(told, works);
  const winners = winnersOf(
    object,
    drafts.filter(({ program }) => program.mode === 'Enforce'),
  );
  const writable = !object.deleting && !isNamespaceTerminating(object, kind, namespaceOf);
  const desired = writable ? desiredUnder(input, winners) : undefined;
  const owners = ownersAmong(object, winners);
  const outcome = { object, held, winners, owners, desired, judged: new JudgedObject(object, kind, desired) };
  // What is no candidate has nothing to say.
  const verdicts = [...index.unmatched];
  for (const [i, draft] of drafts.entries()) {
    const at = places[i] ?? 0;
    verdicts[at] = verdictOf(draft, seenAs(sights[i] ?? usual, outcome), works[i] ?? new Work(pool));
  }
  const said = contention === undefined ? verdicts : withContention(programs, verdicts, contention);
  return { desired, winners, verdicts: said };
}

/** For a program that sees the object in another version. */
function seenAs(sight: Sight, outcome: Outcome): Outcome {
  if (typeof sight === 'string' || sight.kind === outcome.judged.kind) return outcome;
  return { ...outcome, judged: new JudgedObject(sight.object, sight.kind, outcome.desired) };
}

function desiredUnder(input: EvaluationInput, winners: Winners): Desired {
  const { object, held, handedOver, protection, contention } = input;
  if (contention === undefined) return desiredOf(object, winners, held, protection, handedOver);
  if (contention.oscillation !== undefined) return asItIs(object);
  const left = withLeftKeys(held, contention);
  return desiredOf(object, withoutContended(winners, contention), left, protection, handedOver);
}

function isNamespaceTerminating(object: CachedObject, { scope }: KindContext, namespaceOf: NamespaceLookup): boolean {
  return scope === 'Namespaced' && namespaceOf(object.namespace)?.deleting === true;
}

/** The order in which policies win keys: higher priority, then smaller name. Within a policy, earlier rules win. */
export function byPrecedence(a: Program, b: Program): number {
  if (a.priority !== b.priority) return b.priority - a.priority;
  return a.policy < b.policy ? -1 : a.policy > b.policy ? 1 : 0;
}
