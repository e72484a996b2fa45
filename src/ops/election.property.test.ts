import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Lease, LeaseSpec } from '../kube/leases.ts';
import { type Election, type ElectionEvent, type ElectionRequest, leads, NEW_ELECTION, step } from './election.ts';

const TIMES = { durationMs: 15_000, renewDeadlineMs: 10_000, retryMs: 2_000 };

/** What one process meets, in the order in which it meets it; each list begins anew when it is at its end. */
interface Fate {
  /** How much faster than true time its clock runs: less than the duration is longer than the renew deadline. */
  readonly rate: number;
  /** Of each request: how long it is on its way there and back, in milliseconds, and whether it gets there and back. */
  readonly requests: readonly {
    readonly there: number;
    readonly back: number;
    readonly fate: 'Fine' | 'Lost' | 'Unanswered';
  }[];
  /** At what true time it stands still, and for how long. */
  readonly pauses: readonly { readonly at: number; readonly ms: number }[];
  readonly jitter: number;
}

/** As the API server keeps it. */
class Server {
  lease: Lease | undefined;
  #version = 0;

  answer(request: ElectionRequest): ElectionEvent | { readonly kind: 'Stored'; readonly lease: Lease } {
    if (request.kind === 'Read') return { kind: 'Read', lease: this.lease };
    const before = request.kind === 'Change' ? request.resourceVersion : undefined;
    if (this.lease?.resourceVersion !== before) return { kind: 'Lost' };
    return { kind: 'Stored', lease: this.#store(request.spec) };
  }

  #store(spec: LeaseSpec): Lease {
    this.#version += 1;
    this.lease = { ...spec, resourceVersion: String(this.#version) };
    return this.lease;
  }
}

/** What happens at a true time; what is to happen to a process that stands still happens when it wakes. */
interface Due {
  readonly at: number;
  readonly order: number;
  readonly of: Process | undefined;
  readonly run: () => void;
}

class World {
  readonly server = new Server();
  now = 0;
  #order = 0;
  #due: Due[] = [];

  in(ms: number, of: Process | undefined, run: () => void): Due {
    const due = { at: this.now + ms, order: this.#order++, of, run };
    this.#due.push(due);
    return due;
  }

  drop(due: Due | undefined): void {
    this.#due = this.#due.filter((one) => one !== due);
  }

  /** Until the true time `end`; `look` after each thing that happens. */
  play(end: number, look: () => void): void {
    for (;;) {
      const next = this.#due.toSorted((a, b) => this.#timeOf(a) - this.#timeOf(b) || a.order - b.order)[0];
      if (next === undefined || this.#timeOf(next) > end) return;
      this.drop(next);
      this.now = Math.max(this.now, this.#timeOf(next));
      look();
      next.run();
      look();
    }
  }

  #timeOf({ at, of }: Due): number {
    return of === undefined ? at : of.awakeAt(at);
  }
}

class Process {
  election: Election = NEW_ELECTION;
  readonly #world: World;
  readonly #fate: Fate;
  readonly #options: typeof TIMES & { readonly identity: string };
  #requests = 0;
  #stamps = 0;
  #wake: Due | undefined;

  constructor(world: World, identity: string, fate: Fate) {
    this.#world = world;
    this.#fate = fate;
    this.#options = { ...TIMES, identity };
    world.in(0, this, () => this.#take({ kind: 'Due' }));
  }

  get clock(): number {
    return this.#world.now * this.#fate.rate;
  }

  /** Whether a write that it began at this moment would be sent; also while it stands still it may wake at any time. */
  get leads(): boolean {
    return leads(this.election, TIMES, this.clock);
  }

  awakeAt(time: number): number {
    return this.#fate.pauses.reduce(
      (at, pause) => (at >= pause.at && at < pause.at + pause.ms ? pause.at + pause.ms : at),
      time,
    );
  }

  #take(event: ElectionEvent): void {
    this.#stamps += 1;
    const stamp = `${this.#options.identity} ${this.#stamps}`;
    const moment = { monotonic: this.clock, stamp, jitter: this.#fate.jitter };
    const { election, effects } = step(this.election, event, moment, this.#options);
    this.election = election;
    for (const effect of effects) {
      if (effect.kind === 'Send') this.#send(effect.request);
      if (effect.kind !== 'Wake') continue;
      this.#world.drop(this.#wake);
      this.#wake = this.#world.in(effect.inMs / this.#fate.rate, this, () => this.#take({ kind: 'Due' }));
    }
  }

  #send(request: ElectionRequest): void {
    const begun = this.clock;
    const { requests } = this.#fate;
    const { there, back, fate } = requests[this.#requests % requests.length] ?? { there: 1, back: 1, fate: 'Fine' };
    this.#requests += 1;
    if (fate === 'Lost') {
      this.#world.in(there + back, this, () => this.#take({ kind: 'Failed' }));
      return;
    }
    this.#world.in(there, undefined, () => {
      const answer = this.#world.server.answer(request);
      const event: ElectionEvent = answer.kind === 'Stored' ? { kind: 'Written', lease: answer.lease, begun } : answer;
      this.#world.in(back, this, () => this.#take(fate === 'Fine' ? event : { kind: 'Failed' }));
    });
  }
}

const fates: fc.Arbitrary<Fate> = fc.record({
  rate: fc.double({ min: 1, max: 1.4, noNaN: true }),
  requests: fc.array(
    fc.record({
      there: fc.integer({ min: 1, max: 12_000 }),
      back: fc.integer({ min: 1, max: 12_000 }),
      fate: fc.constantFrom('Fine', 'Fine', 'Fine', 'Lost', 'Unanswered'),
    }),
    { minLength: 1, maxLength: 12 },
  ),
  pauses: fc.array(fc.record({ at: fc.integer({ min: 0, max: 150_000 }), ms: fc.integer({ min: 1, max: 60_000 }) }), {
    maxLength: 4,
  }),
  jitter: fc.double({ min: 0, max: 0.999, noNaN: true }),
});

/** As above, with a server that answers within a second. */
const quick = fates.map((fate) => ({
  ...fate,
  requests: fate.requests.map((request) => ({ ...request, there: request.there % 500, back: request.back % 500 })),
}));

test('L1: whatever is late, lost or paused, and however far clocks drift apart, no two lead at the same moment', () => {
  let changes = 0;
  fc.assert(
    fc.property(fc.array(fc.oneof(fates, quick), { minLength: 2, maxLength: 3 }), (all) => {
      const world = new World();
      const processes = all.map((fate, i) => new Process(world, `p${i}`, fate));
      world.play(200_000, () => {
        expect(processes.filter((process) => process.leads).length).toBeLessThanOrEqual(1);
      });
      changes += world.server.lease?.transitions ?? 0;
    }),
    { numRuns: 500, endOnFailure: true },
  );
  expect(changes).toBeGreaterThan(150);
});

test('where somebody can reach the server for long enough, somebody leads', () => {
  fc.assert(
    fc.property(fc.array(quick, { minLength: 1, maxLength: 3 }), (all) => {
      const world = new World();
      const processes = all.map(
        (fate, i) =>
          new Process(world, `p${i}`, { ...fate, requests: fate.requests.map((one) => ({ ...one, fate: 'Fine' })) }),
      );
      // By then all pauses have ended.
      world.play(212_000 + 22_000, () => {});
      expect(processes.filter((process) => process.leads)).toHaveLength(1);
    }),
    { numRuns: 100, endOnFailure: true },
  );
});
