import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** What is read when somebody asks. */
export interface MetricsSources {
  /** Kinds that policies name, by state. */
  kinds(): Iterable<{ readonly kind: string; readonly state: string; readonly objects: number }>;
  evaluationDepth(): number;
  writeDepth(): number;
  writesInFlight(): number;
  policies(): number;
  connections(): Iterable<{ readonly pool: string; readonly connections: number; readonly streams: number }>;
}

/** Every metric that the operator has, described in docs/metrics.md. Label values are bounded: kinds, results, methods. */
export class Metrics {
  readonly registry = new Registry();
  readonly #evaluations: Counter<'kind'>;
  readonly #writes: Counter<'kind' | 'result'>;
  readonly #writeSeconds: Histogram<'kind'>;
  readonly #statusWrites: Counter<'result'>;
  readonly #requests: Counter<'method' | 'code'>;

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
    this.#gauge('watchkeeper_build_info', 'Always 1.', ['version'], () => [[{ version }, 1]]);
    collectDefaultMetrics({ register: this.registry });
  }

  evaluated(kind: string): void {
    this.#evaluations.inc({ kind });
  }

  wrote(kind: string, result: string, seconds: number): void {
    this.#writes.inc({ kind, result });
    this.#writeSeconds.observe({ kind }, seconds);
  }

  statusWritten(result: string): void {
    this.#statusWrites.inc({ result });
  }

  requested(method: string, status: number): void {
    this.#requests.inc({ method, code: String(status) });
  }

  /** Gauges, read at each scrape so that nothing has to be kept up to date. */
  watch(sources: MetricsSources): void {
    const number = (name: string, help: string, read: () => number) =>
      this.#gauge(name, help, [], () => [[{}, read()]]);
    number('watchkeeper_policies', 'WatchPolicies that are known.', () => sources.policies());
    number('watchkeeper_evaluation_queue_depth', 'Objects that wait for evaluation.', () => sources.evaluationDepth());
    number('watchkeeper_write_queue_depth', 'Objects that wait for a write, or have one under way.', () =>
      sources.writeDepth(),
    );
    number('watchkeeper_writes_in_flight', 'Writes that wait for their answer.', () => sources.writesInFlight());
    this.#gauge('watchkeeper_informer_objects', 'Objects held of each watched kind.', ['kind'], function* () {
      for (const { kind, objects } of sources.kinds()) yield [{ kind }, objects];
    });
    this.#gauge('watchkeeper_informer_state', '1 for the state that each kind is in.', ['kind', 'state'], function* () {
      for (const { kind, state } of sources.kinds()) yield [{ kind, state }, 1];
    });
    this.#gauge('watchkeeper_connections', 'Open connections to the API server by pool.', ['pool'], function* () {
      for (const { pool, connections } of sources.connections()) yield [{ pool }, connections];
    });
    this.#gauge('watchkeeper_streams', 'Requests and watches under way by pool.', ['pool'], function* () {
      for (const { pool, streams } of sources.connections()) yield [{ pool }, streams];
    });
  }

  /** A series that `read` does not yield any more is gone from the next scrape on. */
  #gauge<L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[],
    read: () => Iterable<readonly [labels: Partial<Record<L, string>>, value: number]>,
  ): void {
    const gauge: Gauge<L> = new Gauge({
      name,
      help,
      labelNames,
      registers: [this.registry],
      collect: () => {
        gauge.reset();
        for (const [labels, value] of read()) gauge.set(labels, value);
      },
    });
  }
}
