import { apiVersionOf, type GroupResourceName, groupResourceName } from '../../api/resource.ts';
import type { PolicyCondition, WatchPolicyStatus } from '../../api/status.ts';
import { WATCH_POLICIES, WATCH_POLICY_KIND } from '../../api/watch-policy.ts';
import type { Clock } from '../../base/clock.ts';
import type { ObjectReference } from '../../kube/events.ts';
import type { Channel, KindContext, Program } from '../../policy/program.ts';
import type { WriteReport, WrittenKey } from '../../write/write-report.ts';
import { FIGHTS } from '../conditions.ts';
import type { DatedResult } from '../findings.ts';
import type { PolicyTotals } from '../policy-totals.ts';
import type { ResultChanges } from '../result-changes.ts';
import type { ReportedObject } from '../verdict-table.ts';
import type { EventResult } from './event-sender.ts';
import { cutNote, type Fact, factOf } from './fact.ts';
import { type Digest, ResultDigest } from './result-digest.ts';
import { counted } from './wording.ts';
import { WriteDigest, type WriteSummary } from './write-digest.ts';

export interface EventTellerOptions {
  readonly clock: Clock;
  readonly offer: (fact: Fact, rolledUp?: number) => void;
  /** Of what is not told because nobody is there any more to tell it about. */
  readonly observe: (result: EventResult, count: number) => void;
  /** What is in force of the policy; undefined when nothing is, or it is gone. */
  readonly program: (policy: string) => Program | undefined;
  /** Whether every object of the program was evaluated with it. */
  readonly hasEvaluated: (program: Program) => boolean;
  readonly totals: (policy: string) => PolicyTotals;
  /** Programs on the kind, for keys that are removed because nobody wants them. */
  readonly programsOn: (kind: GroupResourceName) => readonly Program[];
}

type PolicyIdentity = Pick<Program, 'policy' | 'uid'>;

interface Voice {
  readonly uid: string;
  readonly results: ResultDigest;
  readonly writes: WriteDigest;
  /** What an earlier process said of the spec in force: found again, it is no news. */
  known: WatchPolicyStatus | undefined;
}

/** Says in Events what the verdict table, the status and the writer say of policies and objects. */
export class EventTeller {
  readonly #options: EventTellerOptions;
  /** By name of the policy. */
  readonly #voices = new Map<string, Voice>();

  constructor(options: EventTellerOptions) {
    this.#options = options;
  }

  /** A policy came, with what an earlier process said of it. */
  adopt(policy: PolicyIdentity, status: WatchPolicyStatus): void {
    this.forget(policy.policy);
    this.#voices.set(policy.policy, this.#newVoice(policy, status));
  }

  /** The policy is gone: nothing is left to tell it about. */
  forget(policy: string): void {
    const voice = this.#voices.get(policy);
    this.#voices.delete(policy);
    voice?.results.flush();
    voice?.writes.flush();
  }

  /** All objects of the policy may be evaluated by now. */
  evaluated(policy: string): void {
    this.#voices.get(policy)?.results.look();
  }

  /** Tells what is gathered, now. */
  flush(): void {
    for (const { results, writes } of this.#voices.values()) {
      results.flush();
      writes.flush();
    }
  }

  // ---- Results -----------------------------------------------------------------------------------------------------

  changed(kind: KindContext, object: ReportedObject, program: Program, { appeared, ended }: ResultChanges): void {
    const results = this.#voiceOf(program)?.results;
    if (results === undefined) {
      this.#options.observe('Dropped', appeared.length + ended.length);
      return;
    }
    const regarding = referenceTo(kind, object);
    for (const result of appeared) {
      if (results.isSingle(result.result)) this.#options.offer(appearedFact(program, result, regarding));
    }
    for (const result of ended) {
      if (!results.isSingle(undefined)) continue;
      const note = `policy '${program.policy}' rule '${result.rule}': no longer ${result.code}`;
      this.#options.offer(factOf('Resolved', note, regarding, policyReference(program)));
    }
  }

  #tellResults(policy: PolicyIdentity, { found, ended, changes, settled }: Digest): void {
    const voice = this.#voiceOf(policy);
    if (voice === undefined) {
      this.#options.observe('Dropped', changes);
      return;
    }
    const program = this.#options.program(policy.policy);
    const totals = this.#options.totals(policy.policy);
    const known = settled ? voice.known : undefined;
    voice.known = undefined;
    // After a restart all results come again.
    if (known !== undefined && program !== undefined && saysTheSame(known, program, totals)) return;
    const parts: string[] = [];
    if (found !== '')
      parts.push(`found ${found} ${totals.matched === 1 ? 'in' : 'among'} ${counted(totals.matched, 'object')}`);
    if (ended > 0) parts.push(`${counted(ended, 'result')} ended`);
    const reason = found === '' ? 'ResultsResolved' : 'ResultsFound';
    this.#options.offer(factOf(reason, parts.join('; '), policyReference(policy)), changes);
  }

  // ---- Writes ------------------------------------------------------------------------------------------------------

  wrote({ kind, object, winners, set, removed, outcome }: WriteReport): void {
    if (outcome.kind !== 'Written') return;
    const byPolicy = new Map<Program, { readonly set: WrittenKey[]; readonly removed: WrittenKey[] }>();
    const of = (program: Program) => {
      const keys = byPolicy.get(program) ?? { set: [], removed: [] };
      byPolicy.set(program, keys);
      return keys;
    };
    for (const key of set) {
      const program = winners[key.channel].get(key.key)?.program;
      if (program !== undefined) of(program).set.push(key);
    }
    for (const key of removed) {
      const program = winners[key.channel].get(key.key)?.program ?? this.#writerOf(kind, key.channel, key.key);
      if (program !== undefined) of(program).removed.push(key);
    }
    for (const [program, keys] of byPolicy) {
      const voice = this.#voiceOf(program);
      if (voice === undefined) this.#options.observe('Dropped', 1);
      else voice.writes.add(object.uid, keys.set, keys.removed);
    }
  }

  #tellWrites(policy: PolicyIdentity, { written, removed, tookOver, writes }: WriteSummary): void {
    const { offer, observe } = this.#options;
    if (this.#voiceOf(policy) === undefined) {
      observe('Dropped', writes);
      return;
    }
    const regarding = policyReference(policy);
    if (written !== '') offer(factOf('ObjectsWritten', written, regarding), writes);
    if (removed !== '') offer(factOf('KeysRemoved', removed, regarding), written === '' ? writes : 0);
    if (tookOver !== '') offer(factOf('TookOver', tookOver, regarding));
  }

  /** The first policy on the kind that could have set a key which nobody wants any more. */
  #writerOf(kind: KindContext, channel: Channel, key: string): Program | undefined {
    const programs = this.#options.programsOn(groupResourceName(kind));
    return programs.find(({ mode, writes }) => mode === 'Enforce' && writes.fits(channel, key));
  }

  // ---- Policies ----------------------------------------------------------------------------------------------------

  /** A status was written: what it says that the one before did not. After a restart the one before stands there. */
  statusWritten(policy: PolicyIdentity, before: WatchPolicyStatus, after: WatchPolicyStatus): void {
    const { offer, program } = this.#options;
    const regarding = policyReference(policy);
    const [wasAccepted, accepted] = [conditionIn(before, 'Accepted'), conditionIn(after, 'Accepted')];
    const isNew = before.observedGeneration !== after.observedGeneration;
    if (accepted !== undefined && (isNew || !sameReason(wasAccepted, accepted))) {
      const mode = program(policy.policy)?.mode;
      const inForce = `generation ${after.observedGeneration} is in force${mode === undefined ? '' : `, mode ${mode}`}`;
      const isAccepted = accepted.status === 'True';
      offer(
        factOf(isAccepted ? 'PolicyAccepted' : 'PolicyRefused', isAccepted ? inForce : accepted.message, regarding),
      );
    }
    const [wasContended, contended] = [conditionIn(before, 'Contended'), conditionIn(after, 'Contended')];
    if (contended?.status === 'True' && !sameReason(wasContended, contended)) {
      offer(factOf('Contended', contendedNote(contended), regarding));
    } else if (wasContended?.status === 'True' && contended?.status === 'False') {
      offer(factOf('ContentionEnded', 'nobody is known to fight over a key any more', regarding));
    }
  }

  /** Undefined when the policy is gone, or is another one of its name by now. */
  #voiceOf({ policy, uid }: PolicyIdentity): Voice | undefined {
    const voice = this.#voices.get(policy);
    return voice?.uid === uid ? voice : undefined;
  }

  #newVoice({ policy, uid }: PolicyIdentity, known: WatchPolicyStatus): Voice {
    const { clock, program, hasEvaluated } = this.#options;
    const identity = { policy, uid };
    return {
      uid,
      results: new ResultDigest({
        clock,
        isSettling: () => {
          const present = program(policy);
          return present !== undefined && !hasEvaluated(present);
        },
        tell: (digest) => this.#tellResults(identity, digest),
      }),
      writes: new WriteDigest(clock, (summary) => this.#tellWrites(identity, summary)),
      known,
    };
  }
}

function appearedFact(
  program: Program,
  { rule, code, result, message }: DatedResult,
  regarding: ObjectReference,
): Fact {
  return {
    type: result === 'Yielded' ? 'Normal' : 'Warning',
    reason: code,
    action: 'Evaluate',
    note: cutNote(`policy '${program.policy}' rule '${rule}': ${message}`),
    regarding,
    related: policyReference(program),
  };
}

/**
 * Events about a policy are in a namespace that many may read, and names of objects are not for all of them: who may read the
 * policy's status finds them there.
 */
function contendedNote({ reason }: PolicyCondition): string {
  const fight = reason === 'SelfOscillation' ? FIGHTS.SelfOscillation : FIGHTS.AnotherManager;
  return `${fight}; the condition Contended of the policy says on which objects, and by whom`;
}

function saysTheSame(
  { observedGeneration, summary, violationsTotal }: WatchPolicyStatus,
  program: Program,
  now: PolicyTotals,
): boolean {
  const { violating, errors, yielded } = now;
  return (
    observedGeneration === program.generation &&
    violationsTotal === now.results &&
    summary?.violating === violating &&
    summary.errors === errors &&
    summary.yielded === yielded
  );
}

function conditionIn(status: WatchPolicyStatus, type: PolicyCondition['type']): PolicyCondition | undefined {
  return status.conditions?.find((condition) => condition.type === type);
}

function sameReason(a: PolicyCondition | undefined, b: PolicyCondition): boolean {
  return a?.status === b.status && a.reason === b.reason;
}

function referenceTo(kind: KindContext, { namespace, name, uid }: ReportedObject): ObjectReference {
  return { apiVersion: apiVersionOf(kind), kind: kind.kind, ...(namespace === '' ? {} : { namespace }), name, uid };
}

function policyReference({ policy: name, uid }: PolicyIdentity): ObjectReference {
  return { apiVersion: apiVersionOf(WATCH_POLICIES), kind: WATCH_POLICY_KIND, name, uid };
}
