import type { CachedObject } from '../api/object.ts';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { missingRightMessage } from '../controller/kind-state.ts';
import type { RefusalCode } from '../controller/refusals.ts';
import type { WriteOutcome, Writer } from '../controller/writer.ts';
import { ApiError } from '../kube/errors.ts';
import type { CleanUp, Desired } from '../policy/desired.ts';
import { truncate } from '../policy/messages.ts';
import type { KindContext } from '../policy/program.ts';
import { NO_WINNERS, type Winners } from '../policy/winners.ts';
import { isPassing403, meaningOf } from './answers.ts';
import type { ApplyStep } from './plan-apply.ts';
import { nextWrite, type WriteStep } from './plan-write.ts';
import { refusalWords } from './refusal-words.ts';
import { type Rewrite, rewriteOf } from './rewrite.ts';
import { changesOf, type WriteReport } from './write-report.ts';

/** The requests that a writer makes. All reject with ApiError. */
export interface WriteRequests {
  apply(kind: KindContext, object: CachedObject, step: ApplyStep): Promise<CachedObject>;
  /** Removes keys, whoever owns them. */
  cleanUp(kind: KindContext, object: CachedObject, keys: CleanUp): Promise<CachedObject>;
  /** Changes single keys of the object as we know it, whoever owns them. */
  rewrite(kind: KindContext, object: CachedObject, change: Rewrite): Promise<CachedObject>;
  /** Whether we may patch objects of the kind in the namespace ('' for cluster-scoped ones). */
  mayPatch(kind: KindContext, namespace: string): Promise<boolean>;
}

/** One write for all policies on an object, and what its answer means. */
export class ObjectWriter implements Writer {
  readonly #requests: WriteRequests;
  readonly #log: Log;
  readonly #observe: ((report: WriteReport) => void) | undefined;
  /** Many writes of a kind are refused at once; one review answers for all of them. */
  readonly #reviews = new Map<string, Promise<boolean | undefined>>();

  /** `observe` is told of each request once it is answered, or will not be; it must not throw. */
  constructor(requests: WriteRequests, log: Log, observe?: (report: WriteReport) => void) {
    this.#requests = requests;
    this.#log = log;
    this.#observe = observe;
  }

  differs(object: CachedObject, desired: Desired): boolean {
    return nextWrite(object, desired) !== undefined;
  }

  async write(
    kind: KindContext,
    object: CachedObject,
    desired: Desired,
    winners: Winners = NO_WINNERS,
  ): Promise<WriteOutcome> {
    const step = nextWrite(object, desired);
    if (step === undefined) return { kind: 'Written', answer: object };
    const outcome = await this.#observed(kind, object, winners, step);
    const isDrift = outcome.kind === 'Refused' && outcome.code === 'SchemaDrift' && step.kind === 'Apply';
    const rewrite = isDrift ? rewriteOf(object, desired) : undefined;
    if (rewrite === undefined) return outcome;
    const second = await this.#observed(kind, object, winners, { kind: 'Rewrite', rewrite });
    // Where something is still to be applied, it stays to be told that the object does not fit its schema.
    const isDone = second.kind !== 'Written' || nextWrite(second.answer, desired) === undefined;
    return isDone ? second : outcome;
  }

  async #observed(kind: KindContext, object: CachedObject, winners: Winners, step: WriteStep): Promise<WriteOutcome> {
    const outcome = await this.#request(kind, object, step);
    if (outcome.kind !== 'NotLeading') this.#observe?.({ kind, object, winners, ...changesOf(object, step), outcome });
    return outcome;
  }

  async #request(kind: KindContext, object: CachedObject, step: WriteStep): Promise<WriteOutcome> {
    try {
      const answer = await this.#make(kind, object, step);
      return { kind: 'Written', answer };
    } catch (error) {
      if (!(error instanceof ApiError)) return { kind: 'Unknown', message: messageOf(error) };
      return this.#outcome(kind, object, step, error);
    }
  }

  #make(kind: KindContext, object: CachedObject, step: WriteStep): Promise<CachedObject> {
    switch (step.kind) {
      case 'Apply':
        return this.#requests.apply(kind, object, step.apply);
      case 'CleanUp':
        return this.#requests.cleanUp(kind, object, step.cleanUp);
      case 'Rewrite':
        break;
    }
    return this.#requests.rewrite(kind, object, step.rewrite);
  }

  async #outcome(kind: KindContext, object: CachedObject, step: WriteStep, error: ApiError): Promise<WriteOutcome> {
    const meaning = meaningOf(error);
    const message = truncate(refusalWords(kind, object, [...annotationValues(object, step)], error.rawMessage));
    if (meaning.kind === 'Unknown') return { kind: 'Unknown', message };
    if (meaning.kind === 'Refused') return refused(meaning.code, message);
    if (meaning.kind === 'NoServerSideApply') return { kind: 'NoServerSideApply', message };
    if (meaning.kind === 'Overloaded') return { ...meaning, message: `the API server asks to wait: ${message}` };
    if (meaning.kind !== 'AskForRight') return meaning;
    const allowed = await this.#mayPatch(kind, object.namespace);
    // The next try asks again.
    if (allowed === undefined) return { kind: 'Unknown', message };
    if (allowed && isPassing403(error.message)) return { kind: 'Unknown', message };
    if (allowed) return refused('RefusedByServer', message);
    return { kind: 'MissingRight', message: missingRightMessage(kind, ['patch']) };
  }

  /** Undefined when the review could not be made either. */
  async #mayPatch(kind: KindContext, namespace: string): Promise<boolean | undefined> {
    const id = `${kind.group}/${kind.resource}/${namespace}`;
    let review = this.#reviews.get(id);
    if (review === undefined) {
      review = this.#review(kind, namespace).finally(() => this.#reviews.delete(id));
      this.#reviews.set(id, review);
    }
    return review;
  }

  async #review(kind: KindContext, namespace: string): Promise<boolean | undefined> {
    try {
      return await this.#requests.mayPatch(kind, namespace);
    } catch (error) {
      this.#log.debug({ err: error, resource: kind.resource, namespace }, 'the access review could not be made');
      return undefined;
    }
  }
}

/** The server's own words, as a result message. They can name the object, its field and the rule that refused, not its data. */
function refused(code: RefusalCode, message: string): WriteOutcome {
  return { kind: 'Refused', code, message: truncate(`the API server refused the write: ${message}`) };
}

/** Which the server's words may quote: what stands there, and what was to be written. */
function* annotationValues(object: CachedObject, step: WriteStep): Generator<string> {
  yield* Object.values(object.annotations);
  if (step.kind === 'Apply') yield* step.apply.keys.annotations.values();
  if (step.kind === 'Rewrite')
    for (const value of Object.values(step.rewrite.annotations)) if (value !== null) yield value;
}
