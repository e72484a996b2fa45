import { groupResourceName } from './api/resource.ts';
import { Backoff, reflectorBackoff } from './base/backoff.ts';
import { type Clock, sleep } from './base/clock.ts';
import { messageOf } from './base/errors.ts';
import type { Log } from './base/log.ts';
import { VERSION } from './base/version.ts';
import { Ledger } from './controller/ledger.ts';
import { ledgerStore } from './controller/ledger-store.ts';
import { MetaController } from './controller/meta-controller.ts';
import { PolicySet } from './controller/policy-set.ts';
import { forbiddenVerbs } from './kube/access-review.ts';
import type { Credentials } from './kube/credentials.ts';
import { DiscoveryClient } from './kube/discovery-client.ts';
import { createKubeClient, type HttpKubeClient, userAgentOf } from './kube/http-client.ts';
import { LEASES, LeaseClient } from './kube/leases.ts';
import { createListWatch } from './kube/list-watch-client.ts';
import type { SessionLimits } from './kube/session.ts';
import { type DrainLimits, Leadership } from './leadership.ts';
import type { AuditSink } from './ops/audit-log.ts';
import type { ElectionTimes } from './ops/election.ts';
import { Elector } from './ops/elector.ts';
import { HttpServer } from './ops/http-server.ts';
import type { Listen } from './ops/listen.ts';
import { Metrics } from './ops/metrics.ts';
import { metricsSources } from './ops/metrics-sources.ts';
import { type KeyProtection, keyProtection } from './policy/key-protection.ts';
import type { Namespaces } from './watchplan/limits.ts';

export interface OperatorOptions {
  readonly credentials: Credentials;
  readonly listen: Listen;
  /** Where the ledger and the Lease are kept. */
  readonly namespace: string;
  /** The only namespaces in which objects are watched and written; undefined: all. */
  readonly namespaces: Namespaces;
  /** What no other replica calls itself. */
  readonly identity: string;
  /** Undefined: it leads without asking anybody. */
  readonly election: ElectionTimes | undefined;
  /** Writes of objects in flight at once, at most; undefined: as many as make it quicker. */
  readonly writeConcurrency: number | undefined;
  /** Kinds are read by WatchLists where the server can do that, else by lists. */
  readonly watchList: boolean;
  /** Globs over protected keys that policies may write. */
  readonly allowKeys: readonly string[];
  /** Results listed in a policy's status. */
  readonly statusViolations: number;
  /** Where each write and each change of a verdict is written down. */
  readonly auditLog?: AuditSink | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

/** Once we are to stop. */
const ALONE: DrainLimits = { writesMs: 5_000, allMs: 5_000 };
/**
 * The same where another process may wait for the Lease. It leads within 3 s: this, giving the Lease back, its next look at
 * it, which is 0.6 s later at most, and a second for a machine that is busy.
 */
const REPLACED: DrainLimits = { writesMs: 1_000, allMs: 1_300 };
/** Giving back the Lease. */
const RELEASE_MS = 2_000;
/** Of reading the ledger: one small object, for which all evaluation waits. */
const LEDGER_TRY = { ...reflectorBackoff, maxMs: 5_000 };

/**
 * The composition root: makes every part, wires it, and starts and stops it in order. What runs in every replica is
 * made here; what runs in the one that leads is a Leadership.
 */
export class Operator {
  readonly #options: OperatorOptions;
  readonly #abort = new AbortController();
  readonly #client: HttpKubeClient;
  readonly #metrics = new Metrics(VERSION);
  readonly #policies: PolicySet;
  readonly #ledger: Ledger;
  readonly #meta: MetaController;
  readonly #elector: Elector | undefined;
  readonly #http: HttpServer;
  readonly #protection: KeyProtection;
  /** While this process leads. */
  #leadership: Leadership | undefined;
  /** Of the time in which it does, or is about to; and the end of what was there for the one before. */
  #term: AbortController | undefined;
  #ending: Promise<void> | undefined;
  #reading = new AbortController();
  #loading: Promise<void> | undefined;
  #stopping = false;

  constructor(options: OperatorOptions) {
    this.#options = options;
    const { credentials, listen, clock, log, identity, election } = options;
    const { signal } = this.#abort;
    const client = createKubeClient({
      credentials,
      userAgent: userAgentOf(VERSION, identity),
      ownNamespace: options.namespace,
      clock,
      log,
      mayWrite: () => this.#leads,
      leaseTimeouts: election === undefined ? {} : leaseTimeouts(election),
      onRequest: ({ method, status }) => this.#metrics.requested(method, status),
    });
    this.#client = client;
    this.#protection = keyProtection(options.allowKeys);
    this.#policies = new PolicySet({ clock, allowedKeys: options.allowKeys, ownNamespace: options.namespace });
    this.#ledger = new Ledger(ledgerStore(client, options.namespace, signal), log, {
      onProblem: () => this.#leadership?.touchAll(),
      onMore: () => this.#meta.ledgerGrown(),
    });
    this.#meta = new MetaController({
      clock,
      random: Math.random,
      log,
      discovery: new DiscoveryClient(client),
      createListWatch: (target) => createListWatch(client, target),
      missingVerbs: ({ group, resource }, namespace) =>
        forbiddenVerbs(client, { group, resource, namespace }, ['list', 'watch', 'patch'], signal),
      namespaces: options.namespaces,
      watchList: options.watchList,
      policies: this.#policies,
      ledger: this.#ledger,
      protection: this.#protection,
      // Who stands by keeps its caches, and looks at no object: whoever begins to lead looks at all of them.
      objects: {
        add: (kind) => this.#leadership?.objects.add(kind),
        remove: (kind) => this.#leadership?.objects.remove(kind),
        enqueue: (...due) => this.#leadership?.objects.enqueue(...due),
        startPass: (kind) => this.#leadership?.objects.startPass(kind),
        isBusy: (id) => this.#leadership?.objects.isBusy(id) === true,
      },
      leads: () => this.#leadership !== undefined,
      observer: {
        policyChanged: (entry) => this.#leadership?.policySeen(entry),
        policyRemoved: (name) => this.#leadership?.policyRemoved(name),
        kindChanged: (name) => this.#leadership?.touchPoliciesOn(name),
      },
    });
    if (election !== undefined) {
      this.#elector = new Elector({
        ...election,
        identity,
        leases: new LeaseClient(client, options.namespace),
        clock,
        log,
        onLead: () => void this.#lead(),
        onStepDown: () => this.#stepDown(),
        onRecovery: () => this.#meta.serverRecovered(),
        onWentBack: () => this.#meta.serverWentBack(groupResourceName(LEASES)),
      });
    }
    this.#metrics.watch(
      metricsSources({
        client,
        policies: this.#policies,
        meta: this.#meta,
        leadership: () => this.#leadership,
        election: () => ({ leads: this.#leads, transitions: this.#elector?.transitions ?? 0 }),
        auditLog: options.auditLog,
      }),
    );
    this.#http = new HttpServer({
      listen,
      registry: this.#metrics.registry,
      clock,
      waitingFor: () => this.#meta.waitingFor(),
      notes: () => this.#notes(),
    });
  }

  /** Resolves to the port of health and metrics, once that is open; syncing goes on. */
  async start(): Promise<number> {
    const port = await this.#http.start();
    this.#meta.start();
    this.#readLedger();
    if (this.#elector === undefined) void this.#lead();
    else this.#elector.start();
    return port;
  }

  /** Takes no new work, lets writes under way end, writes statuses that are due, gives the Lease back, closes everything. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#leadership?.drain(this.#elector === undefined ? ALONE : REPLACED);
    await this.#elector?.stop(RELEASE_MS);
    this.#abort.abort();
    await this.#meta.stop();
    await this.#loading;
    await this.#ending;
    await this.#client.close();
    await this.#http.stop();
  }

  /** Whether this process may write, at this very moment. */
  get #leads(): boolean {
    return this.#elector === undefined || this.#elector.leads;
  }

  /** Somebody else may have led until now: what it has put on record is read, and everything is looked at anew. */
  async #lead(): Promise<void> {
    const { clock, log, namespace, identity, writeConcurrency, statusViolations, auditLog } = this.#options;
    const term = new AbortController();
    this.#term = term;
    await this.#ending;
    if (term.signal.aborted || this.#stopping) return;
    this.#meta.ledgerOutdated();
    if (this.#elector !== undefined) this.#meta.policiesOutdated();
    this.#leadership = new Leadership({
      client: this.#client,
      policies: this.#policies,
      ledger: this.#ledger,
      meta: this.#meta,
      metrics: this.#metrics,
      protection: this.#protection,
      identity,
      namespace,
      writeConcurrency,
      statusViolations,
      auditLog,
      clock,
      log,
    });
    this.#leadership.begin();
    this.#readLedger();
  }

  #stepDown(): void {
    this.#term?.abort();
    this.#client.dropWrites();
    if (this.#leadership === undefined) return;
    this.#ending = this.#leadership.abandon();
    this.#leadership = undefined;
    this.#readLedger();
  }

  /** As it stands on the server now; what an earlier reading still brings is too old. */
  #readLedger(): void {
    this.#reading.abort();
    this.#reading = new AbortController();
    this.#loading = this.#loadLedger(AbortSignal.any([this.#reading.signal, this.#abort.signal]));
  }

  async #loadLedger(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    const backoff = new Backoff(LEDGER_TRY, clock);
    while (!signal.aborted) {
      try {
        await this.#ledger.load(signal);
        this.#meta.ledgerLoaded();
        return;
      } catch (error) {
        if (signal.aborted) return;
        log.warn({ reason: messageOf(error) }, 'the ledger cannot be read; nothing is evaluated until it can');
        await sleep(clock, backoff.next(), signal).catch(() => {});
      }
    }
  }

  /** What the page on readiness tells beside it. */
  #notes(): readonly string[] {
    if (this.#elector === undefined) return this.#leadership?.notes ?? [];
    const { holder, problem } = this.#elector;
    const notes = [this.#leads ? 'this process leads' : `this process stands by: ${leaderText(holder)}`];
    if (problem !== undefined) notes.push(`the Lease cannot be read or written: ${problem}`);
    return [...notes, ...(this.#leadership?.notes ?? [])];
  }
}

function leaderText(holder: string): string {
  return holder === '' ? 'nobody is known to lead' : `'${holder}' holds the Lease`;
}

/** A connection that leads nowhere is found out soon enough for another one to renew the Lease: two tries fit in for that. */
function leaseTimeouts({ renewDeadlineMs }: ElectionTimes): Partial<SessionLimits> {
  const patience = renewDeadlineMs / 4;
  return { connectTimeoutMs: patience, pingIntervalMs: patience, pingTimeoutMs: patience, mostInVain: 1 };
}
