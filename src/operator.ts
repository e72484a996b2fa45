import { hostname } from 'node:os';
import { MANAGER } from './api/object.ts';
import { WATCH_POLICIES, WATCH_POLICY_KIND } from './api/watch-policy.ts';
import { Backoff, reflectorBackoff } from './base/backoff.ts';
import { type Clock, sleep } from './base/clock.ts';
import { messageOf } from './base/errors.ts';
import type { Log } from './base/log.ts';
import { VERSION } from './base/version.ts';
import { Ledger } from './controller/ledger.ts';
import { ledgerStore } from './controller/ledger-store.ts';
import { MetaController } from './controller/meta-controller.ts';
import { ObjectController } from './controller/object-controller.ts';
import { type PolicyEntry, PolicySet } from './controller/policy-set.ts';
import { forbiddenVerbs } from './kube/access-review.ts';
import { applyStatus } from './kube/apply.ts';
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
import { metricsSources } from './ops/metrics-sources.ts';
import { EventSender } from './report/events/event-sender.ts';
import { EventTeller } from './report/events/event-teller.ts';
import { statusOf } from './report/status-source.ts';
import { StatusTroubles } from './report/status-troubles.ts';
import { StatusWriter } from './report/status-writer.ts';
import { VerdictTable } from './report/verdict-table.ts';
import { WriteLog } from './report/write-log.ts';
import type { Namespaces } from './watchplan/limits.ts';
import { TARGET_VERBS } from './watchplan/verbs.ts';
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
const STATUS = { group: WATCH_POLICIES.group, resource: WATCH_POLICIES.resource, subresource: 'status' };

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
    this.#policies = new PolicySet({ allowedKeys: options.allowKeys, ownNamespace: options.namespace });
    this.#ledger = new Ledger(ledgerStore(client, options.namespace, signal), log, () => this.#touchAll());
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
      hasEvaluated: (program) => this.#meta.status.coverage(program) !== 'Pending',
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
    const troubles = new StatusTroubles({
      log,
      mayWrite: async () => (await forbiddenVerbs(client, STATUS, ['patch'], signal)).length === 0,
    });
    this.#status = new StatusWriter({
      clock,
      troubles,
      entry: (name) => this.#policies.get(name),
      build: (entry, previous) => {
        const [plan, ledger, verdicts] = [this.#meta.status, this.#ledger, this.#verdicts];
        return statusOf(entry, previous, { clock, plan, ledger, verdicts, shown: options.statusViolations });
      },
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
      missingVerbs: ({ group, resource }, namespace) =>
        forbiddenVerbs(client, { group, resource, namespace }, TARGET_VERBS, signal),
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
    this.#metrics.watch(
      metricsSources({
        client,
        policies: this.#policies,
        meta: this.#meta,
        objects: this.#objects,
        verdicts: this.#verdicts,
        status: this.#status,
        events: this.#events,
        auditLog,
      }),
    );
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
    for (const name of this.#meta.status.policiesOn(kind)) {
      this.#status.touch(name);
      this.#teller.evaluated(name);
    }
  }
}
