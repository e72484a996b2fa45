import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { dropOldest } from '../base/bounded.ts';
import { type MetricsSources, registerGauges } from './gauges.ts';

/** In seconds: from what nobody notices to what somebody should look at. */
const DELAYS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/**
 * Kinds that have series of their own at once. In a cluster whose CRDs come and go under ever new names they would be more and
 * more: the one that came first makes room, and counts from zero when it is heard of again.
 */
const MAX_KINDS = 2_000;

/** Every metric that the operator has, described in docs/metrics.md. Label values are bounded: kinds, results, methods. */
export class Metrics {
  readonly registry = new Registry();
  readonly #evaluations: Counter<'kind'>;
  readonly #writes: Counter<'kind' | 'result'>;
  readonly #writeSeconds: Histogram<'kind'>;
  readonly #statusWrites: Counter<'result'>;
  readonly #requests: Counter<'method' | 'code'>;
  readonly #caughtUpSeconds: Histogram<'kind'>;
  readonly #statusSeconds: Histogram<'change'>;
  readonly #events: Counter<'result'>;
  readonly #kinds = new Set<string>();
  readonly #outcomes = new Set<string>();

  constructor(version: string) {
    const registers = [this.registry];
    this.#evaluations = new Counter({
      name: 'watchkeeper_evaluations_total',
      help: 'Evaluations of one object for all its policies.',
      labelNames: ['kind'],
      registers,
    });
    this.#writes = new Counter({
      name: 'watchkeeper_writes_total',
      help: 'Writes of objects by what came of them.',
      labelNames: ['kind', 'result'],
      registers,
    });
    this.#writeSeconds = new Histogram({
      name: 'watchkeeper_write_duration_seconds',
      help: 'Time from sending a write to its answer.',
      labelNames: ['kind'],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    });
    this.#statusWrites = new Counter({
      name: 'watchkeeper_status_writes_total',
      help: 'Writes of WatchPolicy status by result.',
      labelNames: ['result'],
      registers,
    });
    this.#requests = new Counter({
      name: 'watchkeeper_requests_total',
      help: 'Requests to the API server by method and HTTP status; 0 when there was no answer.',
      labelNames: ['method', 'code'],
      registers,
    });
    this.#caughtUpSeconds = new Histogram({
      name: 'watchkeeper_event_to_write_seconds',
      help: 'Time from a change that asks for a write to the answer of that write.',
      labelNames: ['kind'],
      buckets: DELAYS,
      registers,
    });
    this.#statusSeconds = new Histogram({
      name: 'watchkeeper_change_to_status_seconds',
      help: 'Time from the first change in a status write to its answer.',
      labelNames: ['change'],
      buckets: DELAYS,
      registers,
    });
    this.#events = new Counter({
      name: 'watchkeeper_events_total',
      help: 'Events by what became of them.',
      labelNames: ['result'],
      registers,
    });
    new Gauge({ name: 'watchkeeper_build_info', help: 'Always 1.', labelNames: ['version'], registers }).set(
      { version },
      1,
    );
    collectDefaultMetrics({ register: this.registry });
  }

  evaluated(kind: string): void {
    this.#heardOf(kind);
    this.#evaluations.inc({ kind });
  }

  wrote(kind: string, result: string, seconds: number): void {
    this.#heardOf(kind);
    this.#outcomes.add(result);
    this.#writes.inc({ kind, result });
    this.#writeSeconds.observe({ kind }, seconds);
  }

  caughtUp(kind: string, seconds: number): void {
    this.#heardOf(kind);
    this.#caughtUpSeconds.observe({ kind }, seconds);
  }

  statusWritten(change: 'Findings' | 'Counts', seconds: number): void {
    this.#statusWrites.inc({ result: 'written' });
    this.#statusSeconds.observe({ change }, seconds);
  }

  statusFailed(): void {
    this.#statusWrites.inc({ result: 'failed' });
  }

  events(result: string, count: number): void {
    this.#events.inc({ result }, count);
  }

  requested(method: string, status: number): void {
    this.#requests.inc({ method, code: String(status) });
  }

  /** What is not counted but read, at each scrape. */
  watch(sources: MetricsSources): void {
    registerGauges(this.registry, sources);
  }

  #heardOf(kind: string): void {
    if (this.#kinds.has(kind)) return;
    this.#kinds.add(kind);
    const first = dropOldest(this.#kinds, MAX_KINDS);
    if (first === undefined) return;
    this.#evaluations.remove({ kind: first });
    this.#writeSeconds.remove({ kind: first });
    this.#caughtUpSeconds.remove({ kind: first });
    for (const result of this.#outcomes) this.#writes.remove({ kind: first, result });
  }
}
