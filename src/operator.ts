import { hostname } from 'node:os';
import { MANAGER } from './api/object.ts';
import { type GroupResource, groupResourceName } from './api/resource.ts';
import type { WatchPolicyStatus } from './api/status.ts';
import { WATCH_POLICIES, WATCH_POLICY_KIND } from './api/watch-policy.ts';
import { Backoff, reflectorBackoff } from './base/backoff.ts';
import { type Clock, sleep } from './base/clock.ts';
import { messageOf } from './base/errors.ts';
import type { Log } from './base/log.ts';
import { VERSION } from './base/version.ts';
import { Ledger } from './controller/ledger.ts';
import { MetaController } from './controller/meta-controller.ts';
import { ObjectController } from './controller/object-controller.ts';
import { type PolicyEntry, PolicySet } from './controller/policy-set.ts';
import { watchTotals } from './controller/watch-totals.ts';
import { reviewSelfAccess } from './kube/access-review.ts';
import { applyStatus } from './kube/apply.ts';
import { applyConfigMap, readConfigMap } from './kube/config-maps.ts';
import type { Credentials } from './kube/credentials.ts';
import { DiscoveryClient } from './kube/discovery-client.ts';
import { createEvent, patchEventSeries } from './kube/events.ts';
import { readFieldOwners } from './kube/field-owners.ts';
import { createKubeClient, type HttpKubeClient, userAgentOf } from './kube/http-client.ts';
import { createListWatch } from './kube/list-watch-client.ts';
import type { AuditSink } from './ops/audit-log.ts';
import { HttpServer } from './ops/http-server.ts';
import type { Listen } from './ops/listen.ts';
import { Metrics } from './ops/metrics.ts';
import { EventSender } from './report/events/event-sender.ts';
import { EventTeller } from './report/events/event-teller.ts';
import { buildStatus } from './report/status.ts';
import { StatusTroubles } from './report/status-troubles.ts';
import { StatusWriter } from './report/status-writer.ts';
import { timestamp } from './report/timestamp.ts';
import { VerdictTable } from './report/verdict-table.ts';
import { WriteLog } from './report/write-log.ts';
import type { Namespaces } from './watchplan/limits.ts';
import { ObjectContentionGuard } from './write/contention-guard.ts';
import { objectRequests } from './write/object-requests.ts';
import { ObjectWriter } from './write/object-writer.ts';

export interface OperatorOptions {
  readonly credentials: Credentials;
  readonly listen: Listen;
  /** Where the ledger is kept. */
  readonly namespace: string;
  /** The only namespaces in which objects are watched and written; undefined: all. */
  readonly namespaces: Namespaces;
  /** Writes of objects in flight at once. */
  readonly writeConcurrency: number;
  /** Globs over protected keys that policies may write. */
  readonly allowKeys: readonly string[];
  /** Results listed in a policy's status. */
  readonly statusViolations: number;
  /** Where each write and each change of a verdict is written down. */
  readonly auditLog?: AuditSink | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

/** How long writes under way and statuses that are due may take once we are to stop, in milliseconds. */
const DRAIN_MS = 5_000;
/** Objects that the condition Contended names. */
const FIGHTS_SHOWN = 3;
const LEDGER_NAME = 'watchkeeper-ledger';
const LEDGER_LABELS = { 'app.kubernetes.io/name': 'watchkeeper', 'app.kubernetes.io/component': 'ledger' };

/** The composition root: makes every part, wires it, and starts and stops it in order. */
export class Operator {
  readonly #options: OperatorOptions;
  readonly #abort = new AbortController();
  readonly #client: HttpKubeClient;
  readonly #metrics = new Metrics(VERSION);
  readonly #policies: PolicySet;
  readonly #ledger: Ledger;
  readonly #verdicts: VerdictTable;
  readonly #events: EventSender;
  readonly #teller: EventTeller;
  readonly #status: StatusWriter;
  readonly #meta: MetaController;
  readonly #objects: ObjectController;
  readonly #http: HttpServer;
  #loading: Promise<void> | undefined;

  constructor(options: OperatorOptions) {
    this.#options = options;
    const { credentials, listen, clock, log, writeConcurrency } = options;
    const { signal } = this.#abort;
    const client = createKubeClient({
      credentials,
      userAgent: userAgentOf(VERSION),
      ownNamespace: options.namespace,
      clock,
      log,
      onRequest: ({ method, status }) => this.#metrics.requested(method, status),
    });
    this.#client = client;
    this.#policies = new PolicySet({ allowedKeys: options.allowKeys });
    this.#ledger = new Ledger(this.#ledgerStore(), log, () => this.#touchAll());
    this.#events = new EventSender({
      clock,
      log,
      instance: hostname(),
      requests: {
        create: (place, content, until) => createEvent(client, place, content, until),
        repeat: (place, series, until) => patchEventSeries(client, place, series, until),
      },
      observe: (result, count) => this.#metrics.events(result, count),
    });
    this.#teller = new EventTeller({
      clock,
      offer: (fact, rolledUp) => this.#events.offer(fact, rolledUp),
      observe: (result, count) => this.#metrics.events(result, count),
      program: (name) => this.#policies.get(name)?.program,
      hasEvaluated: (program) => this.#meta.coverage(program) !== 'Pending',
      totals: (name) => this.#verdicts.totals(name),
      programsOn: (kind) => this.#meta.of(kind)[0]?.programs ?? [],
    });
    const { auditLog } = options;
    const writeLog = auditLog === undefined ? undefined : new WriteLog(clock, (entry) => auditLog.write(entry));
    this.#verdicts = new VerdictTable(clock, (policy) => this.#status.touch(policy), {
      changed: (...change) => {
        this.#teller.changed(...change);
        writeLog?.changed(...change);
      },
      gone: (...what) => writeLog?.gone(...what),
    });
    const troubles = new StatusTroubles({ log, mayWrite: () => this.#mayWriteStatus() });
    this.#status = new StatusWriter({
      clock,
      troubles,
      entry: (name) => this.#policies.get(name),
      build: (entry, previous) => this.#buildStatus(entry, previous),
      write: async ({ name, uid }, status) => {
        const target = {
          gvr: WATCH_POLICIES,
          kind: WATCH_POLICY_KIND,
          name,
          uid,
          status,
          fieldManager: MANAGER,
          signal,
        };
        return (await applyStatus(client, target)).resourceVersion;
      },
      observe: {
        written: ({ name, uid }, before, after, { seconds, onlyCounts }) => {
          this.#metrics.statusWritten(onlyCounts ? 'Counts' : 'Findings', seconds);
          this.#teller.statusWritten({ policy: name, uid }, before, after);
        },
        failed: () => this.#metrics.statusFailed(),
      },
    });
    this.#objects = new ObjectController({
      clock,
      log,
      writeWidth: writeConcurrency,
      writer: new ObjectWriter(objectRequests(client, signal), log, (report) => {
        this.#teller.wrote(report);
        writeLog?.wrote(report);
      }),
      record: this.#ledger,
      createGuard: (kind, enqueue) =>
        new ObjectContentionGuard({
          kind,
          clock,
          log,
          enqueue,
          readOwners: (object) => readFieldOwners(client, kind, object, signal),
        }),
      ownNamespace: options.namespace,
      verdicts: this.#verdicts,
      namespaceOf: (name) => this.#meta.namespace(name),
      held: (kind, object) => this.#meta.held.on(kind, object),
      isReady: (kind) => this.#meta.isReady(kind),
      onKindChange: ({ name }) => this.#touchPoliciesOn(name),
      onKindIdle: (kind) => this.#meta.releaseIfClean(kind),
      observe: {
        evaluated: (kind) => this.#metrics.evaluated(kind),
        wrote: (kind, outcome, seconds) => this.#metrics.wrote(kind, outcome, seconds),
        caughtUp: (kind, seconds) => this.#metrics.caughtUp(kind, seconds),
      },
    });
    this.#meta = new MetaController({
      clock,
      random: Math.random,
      log,
      discovery: new DiscoveryClient(client),
      createListWatch: (spec) => createListWatch(client, spec),
      missingVerbs: (gr, namespace) => this.#missingVerbs(gr, namespace),
      namespaces: options.namespaces,
      policies: this.#policies,
      ledger: this.#ledger,
      objects: this.#objects,
      observer: {
        policyChanged: (entry) => this.#policySeen(entry),
        policyRemoved: (name) => {
          this.#status.forget(name);
          this.#verdicts.forgetPolicy(name);
          this.#teller.forget(name);
        },
        kindChanged: (name) => this.#touchPoliciesOn(name),
      },
    });
    this.#metrics.watch({
      kinds: () => this.#watchedKinds(),
      evaluationDepth: () => this.#objects.evaluationDepth,
      evaluationAgeMs: () => this.#objects.evaluationAgeMs,
      writeDepth: () => this.#objects.writeDepth,
      writeAgeMs: () => this.#objects.writeAgeMs,
      writesInFlight: () => this.#objects.writesInFlight,
      eventDepth: () => this.#events.depth,
      auditLines: () => options.auditLog?.counts ?? {},
      policies: () => this.#policyMetrics(),
      connections: () =>
        Object.entries(client.state()).map(([pool, { sessions, waiting }]) => ({
          pool,
          connections: sessions.length,
          streams: sessions.reduce((sum, { streams }) => sum + streams, waiting),
        })),
    });
    this.#http = new HttpServer({
      listen,
      registry: this.#metrics.registry,
      waitingFor: () => this.#meta.waitingFor(),
      notes: () => (troubles.problem === undefined ? [] : [troubles.problem]),
    });
  }

  /** Resolves to the port of health and metrics, once that is open; syncing goes on. */
  async start(): Promise<number> {
    const port = await this.#http.start();
    this.#meta.start();
    this.#loading = this.#loadLedger();
    return port;
  }

  /** Takes no new work, lets writes under way end, writes statuses that are due, closes everything. */
  async stop(): Promise<void> {
    const cancelCutOff = this.#options.clock.after(DRAIN_MS, () => this.#abort.abort());
    await this.#objects.stop();
    await this.#status.stop();
    this.#teller.flush();
    await this.#events.stop();
    cancelCutOff();
    this.#abort.abort();
    await this.#meta.stop();
    await this.#loading;
    await this.#client.close();
    await this.#http.stop();
  }

  async #loadLedger(): Promise<void> {
    const { clock, log } = this.#options;
    const backoff = new Backoff(reflectorBackoff, clock);
    while (!this.#abort.signal.aborted) {
      try {
        await this.#ledger.load();
        this.#meta.ledgerLoaded();
        return;
      } catch (error) {
        if (this.#abort.signal.aborted) return;
        log.warn({ reason: messageOf(error) }, 'the ledger cannot be read; nothing is evaluated until it can');
        await sleep(clock, backoff.next(), this.#abort.signal).catch(() => {});
      }
    }
  }

  #ledgerStore() {
    const { namespace } = this.#options;
    const { signal } = this.#abort;
    return {
      read: () => readConfigMap(this.#client, namespace, LEDGER_NAME, signal),
      write: async (data: Readonly<Record<string, string>>) => {
        const target = { namespace, name: LEDGER_NAME, data, labels: LEDGER_LABELS, fieldManager: LEDGER_NAME, signal };
        await applyConfigMap(this.#client, target);
      },
    };
  }

  async #mayWriteStatus(): Promise<boolean> {
    const { group, resource } = WATCH_POLICIES;
    const question = { verb: 'patch', group, resource, subresource: 'status' };
    return (await reviewSelfAccess(this.#client, question, this.#abort.signal)).allowed;
  }

  async #missingVerbs({ group, resource }: GroupResource, namespace: string | undefined): Promise<readonly string[]> {
    const { signal } = this.#abort;
    const answers = await Promise.all(
      ['list', 'watch'].map(async (verb) => {
        const { allowed } = await reviewSelfAccess(this.#client, { verb, group, resource, namespace }, signal);
        return allowed ? [] : [verb];
      }),
    );
    return answers.flat();
  }

  #policySeen(entry: PolicyEntry): void {
    const isNew = this.#status.seen(entry);
    if (!isNew) return;
    const standing = this.#status.standing(entry.name) ?? {};
    this.#verdicts.adopt(entry.name, standing.violations ?? []);
    this.#teller.adopt({ policy: entry.name, uid: entry.uid }, standing);
  }

  #touchAll(): void {
    for (const { name } of this.#policies.entries()) this.#status.touch(name);
  }

  #touchPoliciesOn(kind: string): void {
    for (const name of this.#meta.policiesOn(kind)) {
      this.#status.touch(name);
      this.#teller.evaluated(name);
    }
  }

  #buildStatus(entry: PolicyEntry, previous: WatchPolicyStatus): { status: WatchPolicyStatus; settled: boolean } {
    const { name, generation, acceptance, program } = entry;
    const refusal = this.#meta.refusal(name);
    const inForce = program !== undefined && program.mode !== 'Suspended' && refusal === undefined;
    const { resources, skipped } = inForce ? this.#meta.resources(program) : { resources: [], skipped: [] };
    const coverage = program === undefined ? 'Pending' : this.#meta.coverage(program);
    const status = buildStatus({
      generation,
      acceptance,
      refusal,
      program,
      resources,
      skipped,
      coverage,
      totals: this.#verdicts.totals(name),
      examples: (code) => this.#verdicts.examples(name, code, FIGHTS_SHOWN),
      violations: coverage === 'Pending' ? [] : this.#verdicts.violations(name, this.#options.statusViolations),
      ledgerProblem: this.#ledgerProblem(resources),
      previous,
      now: timestamp(this.#options.clock.now()),
    });
    const settled = coverage !== 'Pending' || !acceptance.ok || refusal !== undefined || program?.mode === 'Suspended';
    return { status, settled };
  }

  /** Kinds that are on record are written also while the ledger cannot be. */
  #ledgerProblem(resources: readonly GroupResource[]): string | undefined {
    const { problem } = this.#ledger;
    if (problem === undefined) return undefined;
    return resources.every((resource) => this.#ledger.stands(groupResourceName(resource))) ? undefined : problem;
  }

  *#watchedKinds() {
    for (const [kind, { context, ...totals }] of watchTotals(this.#meta.kinds())) {
      yield { kind, state: this.#meta.state(context).state, ...totals };
    }
  }

  *#policyMetrics() {
    for (const { name } of this.#policies.entries()) {
      const { pending: _pending, results: _results, ...objects } = this.#verdicts.totals(name);
      const conditions = this.#status.standing(name)?.conditions ?? [];
      yield {
        policy: name,
        objects,
        results: this.#verdicts.counts(name),
        contended: conditions.some(({ type, status }) => type === 'Contended' && status === 'True'),
      };
    }
  }
}
