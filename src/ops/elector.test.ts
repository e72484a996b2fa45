import { expect, test } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { apiError } from '../../test/support/scripted-list-watch.ts';
import { silentLog } from '../base/log.ts';
import type { Lease, LeaseClient, LeaseSpec } from '../kube/leases.ts';
import { Elector } from './elector.ts';

/** A server that has one Lease, and may be out of order. */
class LeaseServer implements Pick<LeaseClient, 'read' | 'create' | 'change'> {
  isDown = false;
  #lease: Lease | undefined;

  async read(): Promise<Lease | undefined> {
    this.#refuseWhenDown();
    return this.#lease;
  }

  async create(spec: LeaseSpec): Promise<Lease> {
    return this.#write(spec);
  }

  async change(spec: LeaseSpec): Promise<Lease> {
    return this.#write(spec);
  }

  /** As after a restore of etcd. */
  goBackTo(resourceVersion: string): void {
    if (this.#lease !== undefined) this.#lease = { ...this.#lease, resourceVersion };
  }

  #write(spec: LeaseSpec): Lease {
    this.#refuseWhenDown();
    const resourceVersion = String(Number(this.#lease?.resourceVersion ?? '0') + 1);
    this.#lease = { ...spec, resourceVersion };
    return this.#lease;
  }

  #refuseWhenDown(): void {
    if (this.isDown) throw apiError('Unavailable');
  }
}

/** Of a process that is paused: time goes on, and no timer fires. */
class PausableClock extends ManualClock {
  pausedMs = 0;

  override monotonic(): number {
    return super.monotonic() + this.pausedMs;
  }
}

function setUp() {
  const clock = new PausableClock();
  const leases = new LeaseServer();
  const told: string[] = [];
  const elector = new Elector({
    identity: 'me',
    durationMs: 15_000,
    renewDeadlineMs: 10_000,
    retryMs: 2_000,
    leases,
    clock,
    random: () => 0,
    log: silentLog,
    onLead: () => told.push('leads'),
    onStepDown: () => told.push('steps down'),
    onRecovery: () => told.push('recovers'),
    onWentBack: () => told.push('went back'),
  });
  return { clock, leases, told, elector };
}

test('who was paused for longer than the renew deadline leads no more from the moment it wakes, before any timer says so', async () => {
  const { clock, told, elector } = setUp();
  elector.start();
  await clock.settle();
  clock.pausedMs = 9_999;
  expect(elector.leads).toBe(true);
  clock.pausedMs = 10_000;
  expect([elector.leads, told]).toEqual([false, ['leads']]);
  await elector.stop(1_000);
});

test('that the Lease can be read or written again is told once', async () => {
  const { clock, leases, told, elector } = setUp();
  elector.start();
  await clock.settle();
  await clock.advance(10_000);
  expect([told, elector.problem]).toEqual([['leads'], undefined]);
  leases.isDown = true;
  await clock.advance(5_000);
  expect([told, elector.problem]).toEqual([['leads'], 'the script says Unavailable']);
  leases.isDown = false;
  await clock.advance(20_000);
  expect([told, elector.problem]).toEqual([['leads', 'recovers'], undefined]);
  await elector.stop(1_000);
});

test('that the Lease is at an earlier version than before is told once', async () => {
  const { clock, leases, told, elector } = setUp();
  elector.start();
  await clock.settle();
  await clock.advance(30_000);
  expect(told).toEqual(['leads']);
  leases.goBackTo('2');
  await clock.advance(30_000);
  expect(told).toEqual(['leads', 'went back']);
  await elector.stop(1_000);
});
