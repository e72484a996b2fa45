import { type CachedObject, type ObjectKey, objectKey } from '../api/object.ts';
import type { GroupResourceName } from '../api/resource.ts';
import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { isGivenUp } from '../kube/errors.ts';
import type { Desired, Evaluation, Winners } from '../policy/evaluate.ts';
import type { ContentionGuard, Surroundings, WriteAttempt } from './contention.ts';
import { KindGates } from './kind-gates.ts';
import type { Lane } from './lanes.ts';
import { NO_ANSWER, type Refusal, Refusals } from './refusals.ts';
import { Unanswered } from './unanswered.ts';
import type { WatchedKind } from './watched-kind.ts';
import type { Turn, WriteQueue } from './write-queue.ts';
import type { WriteOutcome, WriteRecord, Writer } from './writer.ts';

export interface KindWriterOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly random?: (() => number) | undefined;
  readonly queue: Pick<WriteQueue, 'add' | 'forget'>;
  readonly writer: Writer;
  readonly record: WriteRecord;
  readonly guard: ContentionGuard;
  readonly isReady: (kind: WatchedKind) => boolean;
  /** Whether to leave the object for now: it is evaluated again in a moment. */
  readonly holdUp?: ((object: CachedObject) => boolean) | undefined;
  readonly evaluate: (object: CachedObject) => Evaluation;
  /** What the evaluation of the object is made of. */
  readonly surroundings: (object: CachedObject) => Surroundings;
  /** Has the object evaluated again, soon. */
  readonly enqueue: (key: ObjectKey) => void;
  /** What a write brought that ended after this one was stopped. */
  readonly lateAnswer: (answer: CachedObject) => void;
  /** Whether the kind can be written has changed. */
  readonly onChange: () => void;
  readonly observe?: KindWriterObserver | undefined;
}

export interface KindWriterObserver {
  /** A write was answered, or will not be, after so many seconds. */
  wrote(kind: GroupResourceName, outcome: WriteOutcome['kind'], seconds: number): void;
  /** So many seconds after a change came that asked for it, the object is written. */
  caughtUp(kind: GroupResourceName, seconds: number): void;
}

/** A refused write is tried again after this long, growing, in milliseconds. */
const REFUSED_RETRY_MS = 30_000;
/** An object whose writes have no answer for so long is reported, in milliseconds. */
const SILENCE_TOLD_MS = 10_000;
/** An object for which we keep being asked to wait, or that is said to be gone, is tried at least this often, in milliseconds. */
const LONGEST_SILENCE_MS = 60_000;
/** The watch tells of an object that is gone within this, mostly, in milliseconds. */
const GONE_RETRY_MS = 2_000;
/** Of these nobody knows whether another try would end like the last one. */
const UNSETTLED: ReadonlySet<WriteOutcome['kind']> = new Set(['Gone', 'Overloaded', 'Unknown']);
const DONE: Turn = { kind: 'Done' };
const NOT_FOUND = 'the API server that takes the write knows no such object, while the one that is watched does';
const NO_EFFECT: Refusal = {
  code: 'RefusedByServer',
  message: 'the API server took the write, but it changed nothing: an admission webhook or policy may undo it at once',
};

/** The writes of one kind's objects: what is to be written, what was refused, and whether anything can be written at all. */
export class KindWriter {
  readonly kind: WatchedKind;
  readonly guard: ContentionGuard;
  readonly #options: KindWriterOptions;
  readonly #gates: KindGates;
  readonly #refusals: Refusals;
  /** Since when each object differs from what is wanted, as far as we were told, on the monotonic clock in milliseconds. */
  readonly #since = new Map<ObjectKey, number>();
  /** Since when no write of an object is answered, on the monotonic clock in milliseconds. */
  readonly #silence = new Map<ObjectKey, number>();
  #stopped = false;
  readonly #unanswered: Unanswered;

  constructor(kind: WatchedKind, options: KindWriterOptions) {
    this.kind = kind;
    this.guard = options.guard;
    this.#options = options;
    const { clock, random, log, enqueue, onChange } = options;
    this.#refusals = new Refusals(clock);
    this.#unanswered = new Unanswered(clock);
    this.#gates = new KindGates({ kind, clock, random, log, release: enqueue, onChange });
    kind.writeProblem = (program) => this.#gates.problem(program);
    kind.holdsWrites = () => this.#gates.areClosed;
    kind.retryWrites = () => this.#gates.tryNow();
  }

  differs(object: CachedObject, { desired }: Evaluation): boolean {
    return desired !== undefined && this.#options.writer.differs(object, desired);
  }

  /**
   * The object differs from what is wanted; `since`: when that was heard, on the monotonic clock in milliseconds.
   * Returns the refusal of an earlier write that still holds.
   */
  want(key: ObjectKey, object: CachedObject, { desired }: Evaluation, since: number, lane: Lane): Refusal | undefined {
    if (!this.#since.has(key)) this.#since.set(key, since);
    const standing = this.#refusals.standing(key, { object, programs: this.kind.programs, desired });
    if (this.#gates.admits(key)) {
      const withinMs = standing === undefined || this.#gates.isTrying(key) ? 0 : standing.againWithinMs;
      this.#options.queue.add({ kind: this.kind.id, key }, { lane, withinMs });
    } else {
      this.#gates.wait(key);
    }
    return standing?.refusal;
  }

  /** Nothing is to be written to the object: it is as wanted, or gone. */
  settled(key: ObjectKey): void {
    this.#since.delete(key);
    this.#silence.delete(key);
    this.#refusals.forget(key);
    this.#options.queue.forget({ kind: this.kind.id, key });
    this.#gates.settled(key);
  }

  /** The object failed in an unexpected way. Returns whether it waits now, behind others that may be written. */
  failed(key: ObjectKey): boolean {
    return !this.#stopped && this.#gates.again(key);
  }

  gone(key: ObjectKey): void {
    this.settled(key);
    this.guard.gone(key);
  }

  /** What a write under way still brings is ignored from here on: the kind may come again as another one. */
  stop(): void {
    this.#stopped = true;
    this.#gates.stop();
    this.guard.stop();
    this.kind.writeProblem = () => undefined;
    this.kind.holdsWrites = () => false;
    this.kind.retryWrites = () => {};
  }

  /** One write of one object, planned from what the store holds now. Never rejects. */
  async turn(key: ObjectKey): Promise<Turn> {
    try {
      return await this.#turn(key);
    } catch (error) {
      this.#options.log.error({ err: error, kind: this.kind.name, object: key }, 'an object could not be written');
      return this.failed(key) ? DONE : { kind: 'Retry' };
    }
  }

  async #turn(key: ObjectKey): Promise<Turn> {
    const { kind } = this;
    const isRecorded = !this.#gates.admits(key) || (await this.#ensureRecord(key));
    if (this.#stopped || !isRecorded) return DONE;
    if (!this.#gates.admits(key)) {
      this.#gates.wait(key);
      return DONE;
    }
    if (!this.#options.isReady(kind)) {
      kind.needsPass = true;
      return DONE;
    }
    const object = kind.informer.store.get(key);
    if (object !== undefined && this.#options.holdUp?.(object) === true) return DONE;
    const evaluation = object === undefined ? undefined : this.#options.evaluate(object);
    if (object === undefined || evaluation?.desired === undefined || !this.differs(object, evaluation)) {
      this.settled(key);
      return DONE;
    }
    const { desired, winners } = evaluation;
    const attempt = { ...this.#options.surroundings(object), desired, winners };
    if (!this.guard.admits(attempt)) {
      this.#options.enqueue(key);
      return DONE;
    }
    const started = this.#options.clock.monotonic();
    const outcome = await this.#write(object, desired, winners);
    if (outcome.kind === 'Unknown') kind.wroteUnseen();
    const wroteMs = this.#options.clock.monotonic() - started;
    if (this.#stopped) {
      if (outcome.kind === 'Written') this.#options.lateAnswer(outcome.answer);
      return DONE;
    }
    const turn = this.#settle(attempt, outcome);
    return turn.kind === 'Done' && outcome.kind === 'Written' ? { kind: 'Done', wroteMs } : turn;
  }

  /** The server has looked at the object itself. */
  #open(key: ObjectKey): void {
    this.#answered();
    this.#gates.open(key);
  }

  /** Where it fails, the gate is closed; returns false where nothing is to be written any more. */
  async #ensureRecord(key: ObjectKey): Promise<boolean> {
    try {
      await this.#options.record.ensure(this.kind.name);
    } catch (error) {
      if (isGivenUp(error)) return false;
      if (!this.#stopped) this.#gates.close(key, { cause: 'LedgerUnavailable', message: messageOf(error) });
    }
    return true;
  }

  async #write(object: CachedObject, desired: Desired, winners: Winners): Promise<WriteOutcome> {
    const { clock, writer, observe } = this.#options;
    const key = objectKey(object);
    // The event of the write may come before its answer, and settle the key.
    const since = this.#since.get(key);
    const started = clock.monotonic();
    const outcome = await writer.write(this.kind.context, object, desired, winners);
    const now = clock.monotonic();
    if (outcome.kind !== 'NotLeading') observe?.wrote(this.kind.name, outcome.kind, (now - started) / 1_000);
    if (since === undefined || outcome.kind !== 'Written') return outcome;
    observe?.caughtUp(this.kind.name, (now - since) / 1_000);
    if (this.#since.get(key) === since) this.#since.delete(key);
    return outcome;
  }

  #settle(attempt: WriteAttempt, outcome: WriteOutcome): Turn {
    const { key, object } = attempt;
    const { log } = this.#options;
    const fields = { kind: this.kind.name, object: key };
    if (!UNSETTLED.has(outcome.kind)) this.#silence.delete(key);
    switch (outcome.kind) {
      case 'Written':
        this.#open(key);
        if (outcome.answer.resourceVersion === object.resourceVersion) return this.#refused(attempt, NO_EFFECT);
        this.guard.wrote(attempt, outcome.answer);
        // The answer is the new picture; its change event evaluates the key again.
        this.kind.informer.accept(outcome.answer);
        break;
      case 'Refused':
        this.#open(key);
        return this.#refused(attempt, { code: outcome.code, message: outcome.message });
      case 'MissingRight':
        this.#gates.lackRight(key);
        break;
      case 'NoServerSideApply':
        this.#gates.close(key, { cause: outcome.kind, message: outcome.message });
        break;
      case 'Gone':
        // When the watch tells the same, it is forgotten here. Until then one server says so, which may not serve the kind yet.
        log.debug(fields, 'the object went before it could be written');
        return this.#gates.again(key) ? DONE : this.#triedInVain(attempt, NOT_FOUND, GONE_RETRY_MS);
      case 'NotLeading':
        // Whoever leads next, be it this process, looks at all objects.
        break;
      case 'Stale':
        return { kind: 'Retry' };
      case 'Overloaded':
        if (this.#unanswered.count > 0 || this.#silence.has(key))
          return this.#withoutAnswer(attempt, outcome.message, outcome.afterMs);
        log.warn({ ...fields, afterMs: outcome.afterMs }, 'the API server asks to wait');
        // Asked so again before anything of the kind was answered, it is no matter of all others any more.
        this.#unanswered.add(key);
        this.#silence.set(key, this.#options.clock.monotonic());
        return outcome;
      case 'Unknown':
        return this.#withoutAnswer(attempt, outcome.message);
    }
    return DONE;
  }

  #withoutAnswer(attempt: WriteAttempt, reason: string, afterMs?: number): Turn {
    const { key } = attempt;
    this.#notAnswered(key, reason);
    // To try them all again and again would help nobody.
    if (this.#unanswered.concernsAll) this.#gates.close(key, { cause: 'NoAnswer', message: reason });
    else if (!this.#gates.unanswered(key, reason)) return this.#triedInVain(attempt, reason, afterMs);
    return DONE;
  }

  #notAnswered(key: ObjectKey, reason: string): void {
    const { log } = this.#options;
    const fields = { kind: this.kind.name, object: key, reason };
    this.#unanswered.add(key);
    if (this.#unanswered.count === 1)
      log.warn(fields, 'a write had no answer and is tried again, as are others that have none');
    else log.debug(fields, 'a write had no answer and is tried again');
  }

  /** Of an object whose writes alone have no answer nobody else would tell. */
  #triedInVain(attempt: WriteAttempt, reason: string, afterMs?: number): Turn {
    const { key } = attempt;
    const { clock, enqueue } = this.#options;
    const since = this.#silence.get(key) ?? clock.monotonic();
    this.#silence.set(key, since);
    const silentMs = clock.monotonic() - since;
    if (silentMs >= SILENCE_TOLD_MS) {
      const message = `${NO_ANSWER}, and it is tried again: ${reason}`;
      this.#refusals.add(key, { code: 'NoAnswer', message }, attempt);
      enqueue(key);
    }
    // Where it does not go by itself, twice as long each time.
    if (afterMs === undefined) return { kind: 'Retry' };
    return { kind: 'Retry', afterMs: Math.max(afterMs, Math.min(silentMs, LONGEST_SILENCE_MS)) };
  }

  #answered(): void {
    const { count } = this.#unanswered;
    if (count > 0) this.#options.log.info({ kind: this.kind.name, unanswered: count }, 'writes are answered again');
    this.#unanswered.reset();
  }

  #refused(attempt: WriteAttempt, refusal: Refusal): Turn {
    const { key } = attempt;
    const { code, message } = refusal;
    this.#options.log.warn(
      { kind: this.kind.name, object: key, code, reason: message },
      'the API server refused a write',
    );
    this.#refusals.add(key, refusal, attempt);
    this.#options.enqueue(key);
    return { kind: 'Retry', afterMs: REFUSED_RETRY_MS, askedAnew: true };
  }
}
