import type { Clock } from '../base/clock.ts';
import type { KindContext, Program } from '../policy/program.ts';
import type { Winners } from '../policy/winners.ts';
import type { WriteReport, WrittenKey } from '../write/write-report.ts';
import type { DatedResult, Reported } from './findings.ts';
import type { ResultChanges } from './result-changes.ts';
import type { ReportedObject } from './verdict-table.ts';

/** Where entries go, one line each. Must not throw, and must not keep anybody waiting. */
export type WriteLogSink = (entry: { readonly event: 'write' | 'verdict' } & Readonly<Record<string, unknown>>) => void;

/**
 * One entry for each write, with the policy and rule behind every key, and one for each result that comes or goes. Names of keys
 * and objects, never values.
 */
export class WriteLog {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #sink: WriteLogSink;

  constructor(clock: Pick<Clock, 'now'>, sink: WriteLogSink) {
    this.#clock = clock;
    this.#sink = sink;
  }

  wrote({ kind, object, winners, fieldManager, set, removed, outcome }: WriteReport): void {
    this.#sink({
      time: this.#time(),
      event: 'write',
      outcome: outcome.kind,
      ...(outcome.kind === 'Refused' ? { code: outcome.code } : {}),
      manager: fieldManager,
      ...objectFields(kind, object),
      from: object.resourceVersion,
      ...(outcome.kind === 'Written' ? { to: outcome.answer.resourceVersion } : {}),
      set: set.map((key) => keyFields(key, winners)),
      removed: removed.map((key) => keyFields(key, winners)),
    });
  }

  changed(kind: KindContext, object: ReportedObject, program: Program, { appeared, ended }: ResultChanges): void {
    const about = { policy: program.policy, generation: program.generation };
    for (const result of appeared) this.#verdict('Appeared', about, result, kind, object);
    for (const result of ended) this.#verdict('Ended', about, result, kind, object);
  }

  gone(policy: string, reported: Reported): void {
    for (const result of reported.results) this.#verdict('Gone', { policy }, result, reported.kind, reported);
  }

  #verdict(
    change: 'Appeared' | 'Ended' | 'Gone',
    about: { readonly policy: string; readonly generation?: number },
    { rule, result, code, severity, since }: DatedResult,
    kind: KindContext,
    object: ReportedObject,
  ): void {
    const said = { ...about, rule, result, code, severity, since };
    this.#sink({ time: this.#time(), event: 'verdict', change, ...said, ...objectFields(kind, object) });
  }

  #time(): string {
    return new Date(this.#clock.now()).toISOString();
  }
}

function objectFields({ group, version, resource, kind }: KindContext, { namespace, name, uid }: ReportedObject) {
  return { group, version, resource, kind, ...(namespace === '' ? {} : { namespace }), name, uid };
}

/** A key that nothing wants has no rule. */
function keyFields({ channel, key, displaced }: WrittenKey, winners: Winners) {
  const intent = winners[channel].get(key);
  const by =
    intent === undefined
      ? {}
      : { policy: intent.program.policy, generation: intent.program.generation, rule: intent.rule.name };
  return { in: channel, key, ...by, ...(displaced ? { displaced } : {}) };
}
