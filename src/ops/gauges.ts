import { Counter, Gauge, type Registry } from 'prom-client';

/** What is read when somebody asks. */
export interface MetricsSources {
  /** Kinds that policies name, by state. */
  kinds(): Iterable<KindMetrics>;
  /** Whether this process leads. */
  leads(): boolean;
  /** How often the Lease went from one to another. */
  leaseTransitions(): number;
  evaluationDepth(): number;
  /** Of the object that has been waiting longest. */
  evaluationAgeMs(): number;
  writeDepth(): number;
  writeAgeMs(): number;
  writesInFlight(): number;
  eventDepth(): number;
  /** Lines of the audit log by what became of them. */
  auditLines(): Readonly<Record<string, number>>;
  policyCount(): number;
  /** None where another process leads. */
  policies(): Iterable<PolicyMetrics>;
  connections(): Iterable<ConnectionMetrics>;
}

export interface ConnectionMetrics {
  readonly pool: string;
  readonly connections: number;
  readonly streams: number;
  /** Connections that ended, by how. */
  readonly ended: Readonly<Partial<Record<string, number>>>;
}

export interface KindMetrics {
  readonly kind: string;
  readonly state: string;
  readonly objects: number;
  /** Not all objects are watched, but those that some policy can match. */
  readonly narrowed: boolean;
  /** Lists after the first whole one. */
  readonly relists: number;
  /** Watches that were left, by the reason. */
  readonly restarts: Readonly<Partial<Record<string, number>>>;
}

export interface PolicyMetrics {
  readonly policy: string;
  /** Objects by what the policy says about them. */
  readonly objects: Readonly<Record<string, number>>;
  /** By rule, how many results of each kind it gives. */
  readonly results: ReadonlyMap<string, Readonly<Record<string, number>>>;
  readonly contended: boolean;
}

type Series<L extends string> = readonly [labels: Partial<Record<L, string>>, value: number];

/**
 * Metrics that are read at each scrape, so that nothing has to be kept up to date and what is gone is gone from the
 * scrape too.
 */
export function registerGauges(registry: Registry, sources: MetricsSources): void {
  const number = (name: string, help: string, read: () => number) =>
    gauge(registry, name, help, [], () => [[{}, read()]]);
  number('watchkeeper_leader', '1 in the process that leads, else 0.', () => (sources.leads() ? 1 : 0));
  number('watchkeeper_lease_transitions', 'How often the Lease went from one process to another.', () =>
    sources.leaseTransitions(),
  );
  number('watchkeeper_policies', 'WatchPolicies that are known.', () => sources.policyCount());
  number('watchkeeper_evaluation_queue_depth', 'Objects that wait for evaluation.', () => sources.evaluationDepth());
  number('watchkeeper_evaluation_queue_age_seconds', 'For how long the first of them has been waiting.', () =>
    seconds(sources.evaluationAgeMs()),
  );
  number('watchkeeper_write_queue_depth', 'Objects that wait for a write, or have one under way.', () =>
    sources.writeDepth(),
  );
  number('watchkeeper_write_queue_age_seconds', 'For how long the first of them has been there.', () =>
    seconds(sources.writeAgeMs()),
  );
  number('watchkeeper_writes_in_flight', 'Writes that wait for their answer.', () => sources.writesInFlight());
  number('watchkeeper_event_queue_depth', 'Events that wait to be sent.', () => sources.eventDepth());
  const lines = 'watchkeeper_audit_log_lines_total';
  counter(registry, lines, 'Lines of the audit log by what became of them.', ['result'], function* () {
    for (const [result, count] of Object.entries(sources.auditLines())) yield [{ result }, count];
  });
  aboutPolicies(registry, sources);
  aboutKinds(registry, sources);
  gauge(registry, 'watchkeeper_connections', 'Open connections to the API server by pool.', ['pool'], function* () {
    for (const { pool, connections } of sources.connections()) yield [{ pool }, connections];
  });
  gauge(registry, 'watchkeeper_streams', 'Requests and watches under way by pool.', ['pool'], function* () {
    for (const { pool, streams } of sources.connections()) yield [{ pool }, streams];
  });
  const ends = 'watchkeeper_connections_ended_total';
  counter(registry, ends, 'Connections that ended, by how.', ['pool', 'reason'], function* () {
    for (const { pool, ended } of sources.connections()) {
      for (const [reason, count = 0] of Object.entries(ended)) yield [{ pool, reason }, count];
    }
  });
}

function aboutPolicies(registry: Registry, sources: MetricsSources): void {
  gauge(registry, 'watchkeeper_policy_objects', 'Objects by what a policy says.', ['policy', 'state'], function* () {
    for (const { policy, objects } of sources.policies()) {
      for (const [state, count] of Object.entries(objects)) yield [{ policy, state }, count];
    }
  });
  const labels = ['policy', 'rule', 'result'] as const;
  gauge(registry, 'watchkeeper_policy_results', 'Results that stand now, by rule.', labels, function* () {
    for (const { policy, results } of sources.policies()) {
      for (const [rule, counts] of results) {
        for (const [result, count] of Object.entries(counts)) if (count > 0) yield [{ policy, rule, result }, count];
      }
    }
  });
  gauge(registry, 'watchkeeper_policy_contended', '1 while somebody fights a policy.', ['policy'], function* () {
    for (const { policy, contended } of sources.policies()) yield [{ policy }, contended ? 1 : 0];
  });
}

function aboutKinds(registry: Registry, sources: MetricsSources): void {
  gauge(registry, 'watchkeeper_informer_objects', 'Objects held of each watched kind.', ['kind'], function* () {
    for (const { kind, objects } of sources.kinds()) yield [{ kind }, objects];
  });
  const narrowed = '1 where only objects that policies can match are watched, else 0.';
  gauge(registry, 'watchkeeper_informer_narrowed', narrowed, ['kind'], function* () {
    for (const each of sources.kinds()) yield [{ kind: each.kind }, each.narrowed ? 1 : 0];
  });
  gauge(registry, 'watchkeeper_informer_state', '1 for the state of each kind.', ['kind', 'state'], function* () {
    for (const { kind, state } of sources.kinds()) yield [{ kind, state }, 1];
  });
  counter(registry, 'watchkeeper_informer_relists_total', 'Lists after the first whole one.', ['kind'], function* () {
    for (const { kind, relists } of sources.kinds()) yield [{ kind }, relists];
  });
  const labels = ['kind', 'cause'] as const;
  counter(registry, 'watchkeeper_informer_restarts_total', 'Watches that were left.', labels, function* () {
    for (const { kind, restarts } of sources.kinds()) {
      for (const [cause, count = 0] of Object.entries(restarts)) yield [{ kind, cause }, count];
    }
  });
}

function gauge<L extends string>(
  registry: Registry,
  name: string,
  help: string,
  labelNames: readonly L[],
  read: () => Iterable<Series<L>>,
): void {
  const metric: Gauge<L> = new Gauge({
    name,
    help,
    labelNames,
    registers: [registry],
    collect: () => {
      metric.reset();
      for (const [labels, value] of read()) metric.set(labels, value);
    },
  });
}

/** Counted elsewhere. */
function counter<L extends string>(
  registry: Registry,
  name: string,
  help: string,
  labelNames: readonly L[],
  read: () => Iterable<Series<L>>,
): void {
  const metric: Counter<L> = new Counter({
    name,
    help,
    labelNames,
    registers: [registry],
    collect: () => {
      metric.reset();
      for (const [labels, value] of read()) metric.inc(labels, value);
    },
  });
}

function seconds(ms: number): number {
  return ms / 1_000;
}
