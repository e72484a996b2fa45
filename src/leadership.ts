import { MANAGER } from './api/object.ts';
import type { GroupResourceName } from './api/resource.ts';
import { STATUS_FIELDS } from './api/status.ts';
import { WATCH_POLICIES, WATCH_POLICY_KIND } from './api/watch-policy.ts';
import type { Clock } from './base/clock.ts';
import type { Log } from './base/log.ts';
import { SlicedWork } from './base/sliced-work.ts';
import type { Ledger } from './controller/ledger.ts';
import type { MetaController } from './controller/meta-controller.ts';
import { ObjectController } from './controller/object-controller.ts';
import type { PolicyEntry, PolicySet } from './controller/policy-set.ts';
import { untilAborted } from './kube/aborted.ts';
import { forbiddenVerbs } from './kube/access-review.ts';
import type { KubeClient } from './kube/client.ts';
import { createEvent, patchEventSeries } from './kube/events.ts';
import { readFieldOwners } from './kube/field-owners.ts';
import { writeStatus } from './kube/write-status.ts';
import type { AuditSink } from './ops/audit-log.ts';
import type { Metrics } from './ops/metrics.ts';
import type { KeyProtection } from './policy/key-protection.ts';
import { EventSender } from './report/events/event-sender.ts';
import { EventTeller } from './report/events/event-teller.ts';
import { statusOf } from './report/status-source.ts';
import { StatusTroubles } from './report/status-troubles.ts';
import { StatusWriter } from './report/status-writer.ts';
import { VerdictTable } from './report/verdict-table.ts';
import { WriteLog } from './report/write-log.ts';
import { ObjectContentionGuard } from './write/contention-guard.ts';
import { objectRequests } from './write/object-requests.ts';
import { ObjectWriter } from './write/object-writer.ts';

export interface LeadershipOptions {
  readonly client: KubeClient;
  readonly policies: PolicySet;
  readonly ledger: Ledger;
  readonly meta: MetaController;
  readonly metrics: Metrics;
  /** Which keys policies may write. */
  readonly protection: KeyProtection;
  /** Which replica tells in Events. */
  readonly identity: string;
  /** Where the ledger is kept. */
  readonly namespace: string;
  /** Writes of objects in flight at once, at most; undefined: as many as make it quicker. */
  readonly writeConcurrency: number | undefined;
  /** Results listed in a policy's status. */
  readonly statusViolations: number;
  /** Where each write and each change of a verdict is written down. */
  readonly auditLog?: AuditSink | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

const STATUS = { group: WATCH_POLICIES.group, resource: WATCH_POLICIES.resource, subresource: 'status' };

/** How long may be taken until all has ended, in milliseconds. */
export interface DrainLimits {
  /** For writes of objects. */
  readonly writesMs: number;
  /** For these, and then statuses and Events. */
  readonly allMs: number;
}

/**
 * All that evaluates, writes and reports, for as long as this process leads: made when it begins to, and gone when it does not
 * any more. So nothing that it believed about objects and statuses outlives the time in which nobody else wrote them.
 */
export class Leadership {
  readonly verdicts: VerdictTable;
  readonly events: EventSender;
  readonly status: StatusWriter;
  readonly objects: ObjectController;
  readonly #options: LeadershipOptions;
  readonly #abort = new AbortController();
  /** Of writes of objects. */
  readonly #cutOff = new AbortController();
  readonly #teller: EventTeller;
  readonly #troubles: StatusTroubles;
  /** Policies that came, of which what an earlier process said is not taken over yet. */
  readonly #newcomers = new Set<string>();
  /** Kinds that stand in another way than before, and the policies of those whose turn it is. */
  #changedKinds = new Set<GroupResourceName>();
  #touched: Generator<string | undefined, void, void> | undefined;
  readonly #touching: SlicedWork;
  #ended: Promise<void> | undefined;

  constructor(options: LeadershipOptions) {
    this.#options = options;
    const { client, policies, ledger, meta, metrics, clock, log, auditLog } = options;
    const { signal } = this.#abort;
    this.#touching = new SlicedWork(() => this.#touchNext(), clock);
    this.events = new EventSender({
      clock,
      log,
      instance: options.identity,
      signal,
      requests: {
        create: (place, content, until) => createEvent(client, place, content, until),
        repeat: (place, series, until) => patchEventSeries(client, place, series, until),
      },
      observe: (result, count) => metrics.events(result, count),
    });
    this.#teller = new EventTeller({
      clock,
      offer: (fact, rolledUp) => this.events.offer(fact, rolledUp),
      observe: (result, count) => metrics.events(result, count),
      program: (name) => policies.get(name)?.program,
      hasEvaluated: (program) => meta.status.coverage(program) !== 'Pending',
      totals: (name) => this.verdicts.totals(name),
      programsOn: (kind) => meta.of(kind)[0]?.programs ?? [],
    });
    const writeLog = auditLog === undefined ? undefined : new WriteLog(clock, (entry) => auditLog.write(entry));
    this.verdicts = new VerdictTable({
      clock,
      onChange: (policy) => this.status.touch(policy),
      inForce: (name) => {
        const program = policies.get(name)?.program;
        return program === undefined || meta.status.refusal(program) !== undefined ? undefined : program;
      },
      observer: {
        changed: (...change) => {
          this.#teller.changed(...change);
          writeLog?.changed(...change);
        },
        gone: (...what) => writeLog?.gone(...what),
      },
    });
    this.#troubles = new StatusTroubles({
      log,
      mayWrite: async () => (await forbiddenVerbs(client, STATUS, ['patch'], signal)).length === 0,
    });
    this.status = new StatusWriter({
      clock,
      troubles: this.#troubles,
      entry: (name) => policies.get(name),
      build: (entry, previous) => {
        const { status: plan } = meta;
        const { verdicts } = this;
        return statusOf(entry, previous, { clock, plan, ledger, verdicts, shown: options.statusViolations });
      },
      write: async ({ name, uid }, status, resourceVersion) => {
        const target = {
          gvr: WATCH_POLICIES,
          kind: WATCH_POLICY_KIND,
          name,
          uid,
          // Of the status alone the server does not compare the `uid`.
          resourceVersion,
          status: { ...status },
          fields: STATUS_FIELDS,
          fieldManager: MANAGER,
          signal,
        };
        return (await writeStatus(client, target)).resourceVersion;
      },
      observe: {
        written: ({ name, uid }, before, after, { seconds, onlyCounts }) => {
          metrics.statusWritten(onlyCounts ? 'Counts' : 'Findings', seconds);
          this.#teller.statusWritten({ policy: name, uid }, before, after);
        },
        failed: () => metrics.statusFailed(),
      },
    });
    this.objects = new ObjectController({
      clock,
      log,
      writeWidth: options.writeConcurrency,
      writer: new ObjectWriter(objectRequests(client, this.#cutOff.signal), log, (report) => {
        this.#teller.wrote(report);
        writeLog?.wrote(report);
      }),
      record: {
        // Requests for the record are the process's own, and end with it: whoever waits for one ends with us.
        ensure: async (kind) => {
          if (!ledger.stands(kind)) await untilAborted(ledger.ensure(kind), this.#cutOff.signal);
        },
      },
      createGuard: (kind, enqueue) =>
        new ObjectContentionGuard({
          kind,
          clock,
          log,
          enqueue,
          readOwners: (object) => readFieldOwners(client, kind, object, signal),
        }),
      ownNamespace: options.namespace,
      verdicts: this.verdicts,
      namespaceOf: (name) => meta.namespace(name),
      held: (kind, object) => meta.held.on(kind, object),
      handedOver: (kind, object) => meta.held.handedOver(kind, object),
      protection: options.protection,
      isReady: (kind) => meta.isReady(kind),
      onKindChange: ({ name }) => this.touchPoliciesOn(name),
      isKnown: (kind) => meta.isKnown(kind),
      onKindIdle: (kind) => meta.kindIdle(kind),
      observe: {
        evaluated: (kind) => metrics.evaluated(kind),
        wrote: (kind, outcome, seconds) => metrics.wrote(kind, outcome, seconds),
        caughtUp: (kind, seconds) => metrics.caughtUp(kind, seconds),
      },
    });
  }

  /** What is wrong and no status can tell, in words. */
  get notes(): readonly string[] {
    return this.#troubles.problem === undefined ? [] : [this.#troubles.problem];
  }

  /** Takes over what is known already: policies, and kinds, whose objects are evaluated once the ledger is read. */
  begin(): void {
    const { policies, meta } = this.#options;
    for (const entry of policies.entries()) this.policySeen(entry);
    for (const kind of meta.kinds()) {
      kind.beginAnew();
      this.objects.add(kind);
    }
  }

  policySeen(entry: PolicyEntry): void {
    if (this.status.seen(entry)) this.#newcomers.add(entry.name);
    // Somebody else may have written what our watch still owes; nothing is evaluated before that has come.
    if (!this.#options.meta.ready || !this.#newcomers.delete(entry.name)) return;
    const standing = this.status.standing(entry.name) ?? {};
    this.verdicts.adopt(entry.name, standing.violations ?? [], standing.violationsTotal);
    this.#teller.adopt({ policy: entry.name, uid: entry.uid }, standing);
  }

  policyRemoved(name: string): void {
    this.#newcomers.delete(name);
    this.status.forget(name);
    this.verdicts.forgetPolicy(name);
    this.#teller.forget(name);
  }

  touchAll(): void {
    for (const { name } of this.#options.policies.entries()) this.status.touch(name);
  }

  /** Not at once: hundreds of kinds may change together, each of which concerns hundreds of policies. */
  touchPoliciesOn(kind: GroupResourceName): void {
    this.#changedKinds.add(kind);
    this.#touching.soon();
  }

  #touchNext(): boolean {
    if (this.#touched === undefined) {
      if (this.#changedKinds.size === 0) return false;
      this.#touched = this.#options.meta.status.policiesOn(this.#changedKinds);
      this.#changedKinds = new Set();
    }
    const next = this.#touched.next();
    if (next.done === true) this.#touched = undefined;
    else if (next.value !== undefined) {
      this.status.touch(next.value);
      this.#teller.evaluated(next.value);
    }
    return true;
  }

  /** Takes no new work, lets writes under way end, writes statuses that are due, tells what is gathered. */
  async drain({ writesMs, allMs }: DrainLimits): Promise<void> {
    const { clock } = this.#options;
    const timers = [clock.after(writesMs, () => this.#cutOff.abort()), clock.after(allMs, () => this.#stopAll())];
    await this.#end();
    for (const cancel of timers) cancel();
    this.#stopAll();
  }

  /** Somebody else may lead: drops everything at once. */
  async abandon(): Promise<void> {
    this.#stopAll();
    await this.#end();
  }

  #stopAll(): void {
    this.#cutOff.abort();
    this.#abort.abort();
  }

  #end(): Promise<void> {
    this.#ended ??= this.#stop();
    return this.#ended;
  }

  async #stop(): Promise<void> {
    await this.objects.stop();
    this.#touching.stop();
    while (this.#touchNext());
    await this.status.stop();
    this.verdicts.stop();
    this.#teller.flush();
    await this.events.stop();
  }
}
