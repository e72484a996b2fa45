import { describe, expect, test } from 'vitest';
import type { Lease } from '../kube/leases.ts';
import { type Election, type ElectionEvent, type ElectionStep, leads, NEW_ELECTION, step } from './election.ts';

const OPTIONS = { identity: 'me', durationMs: 15_000, renewDeadlineMs: 10_000, retryMs: 2_000 };

/** One process, by hand: each event at a moment of its local clock; stamps are the moments. */
class Candidate {
  election: Election = NEW_ELECTION;
  last: ElectionStep['effects'] = [];

  take(monotonic: number, event: ElectionEvent, stamp = `t${monotonic}`): this {
    const { election, effects } = step(this.election, event, { monotonic, stamp, jitter: 0 }, OPTIONS);
    this.election = election;
    this.last = effects;
    return this;
  }

  /** What it did in its last step, without the next appointment. */
  get did(): readonly string[] {
    return this.last.flatMap((effect) => {
      if (effect.kind === 'Wake') return [];
      if (effect.kind === 'Send') return [effect.request.kind];
      return [effect.kind === 'StepDown' ? `StepDown ${effect.reason}` : effect.kind];
    });
  }

  get wakesIn(): number | undefined {
    return this.last.flatMap((effect) => (effect.kind === 'Wake' ? [effect.inMs] : []))[0];
  }

  leads(at: number): boolean {
    return leads(this.election, OPTIONS, at);
  }
}

function lease(holder: string, renewTime: string, more: Partial<Lease> = {}): Lease {
  return { holder, renewTime, durationSeconds: 15, acquireTime: 't', transitions: 4, resourceVersion: '7', ...more };
}

/** It has led since 0. */
function leader(): Candidate {
  return new Candidate()
    .take(0, { kind: 'Due' })
    .take(0, { kind: 'Read', lease: undefined })
    .take(1, { kind: 'Written', lease: lease('me', 't0'), begun: 0 });
}

/** What who stands by does with a Lease that says so and has not changed for so long. */
function afterWaiting(durationSeconds: number, ms: number): readonly string[] {
  return new Candidate()
    .take(0, { kind: 'Due' })
    .take(0, { kind: 'Read', lease: lease('you', 'a', { durationSeconds }) })
    .take(ms, { kind: 'Due' })
    .take(ms, { kind: 'Read', lease: lease('you', 'a', { durationSeconds }) }).did;
}

describe('who stands by', () => {
  test('asks at once, and makes the Lease where there is none', () => {
    const me = new Candidate().take(0, { kind: 'Due' });
    expect(me.did).toEqual(['Read']);
    expect(me.take(1, { kind: 'Read', lease: undefined }).did).toEqual(['Create']);
    expect(me.take(2, { kind: 'Written', lease: lease('me', 't1'), begun: 1 }).did).toEqual(['Lead']);
    expect([me.leads(10_000), me.leads(10_001)]).toEqual([true, false]);
  });

  test('asks again after a quarter of the time after which a leader renews', () => {
    const me = new Candidate().take(0, { kind: 'Due' }).take(0, { kind: 'Read', lease: lease('you', 'a') });
    expect([me.did, me.wakesIn]).toEqual([[], 500]);
  });

  test('asks as soon as the Lease may be taken, if that is sooner', () => {
    const me = new Candidate().take(0, { kind: 'Due' }).take(0, { kind: 'Read', lease: lease('you', 'a') });
    me.take(14_700, { kind: 'Due' }).take(14_700, { kind: 'Read', lease: lease('you', 'a') });
    expect([me.did, me.wakesIn]).toEqual([[], 300]);
    // The answer came a moment too late.
    me.take(15_000, { kind: 'Due' }).take(15_010, { kind: 'Failed' });
    expect(me.wakesIn).toBe(500);
  });

  test('takes the Lease when it has not seen it change for its duration, whatever its stamps say', () => {
    const me = new Candidate().take(0, { kind: 'Due' });
    for (let at = 0; at < 15_000; at += 1_000) {
      expect(me.take(at, { kind: 'Read', lease: lease('you', '1970-01-01T00:00:00Z') }).did).toEqual([]);
      expect(me.take(at + 1_000, { kind: 'Due' }).did).toEqual(['Read']);
    }
    me.take(15_000, { kind: 'Read', lease: lease('you', '1970-01-01T00:00:00Z') }, 'now');
    expect(me.last[0]).toEqual({
      kind: 'Send',
      request: {
        kind: 'Change',
        resourceVersion: '7',
        spec: { holder: 'me', durationSeconds: 15, acquireTime: 'now', renewTime: 'now', transitions: 5 },
      },
    });
  });

  test('begins to count anew with each renewal that it sees', () => {
    const me = new Candidate().take(0, { kind: 'Due' }).take(0, { kind: 'Read', lease: lease('you', 'a') });
    me.take(14_000, { kind: 'Due' }).take(14_000, { kind: 'Read', lease: lease('you', 'b') });
    expect(me.take(28_000, { kind: 'Due' }).take(28_000, { kind: 'Read', lease: lease('you', 'b') }).did).toEqual([]);
    expect(me.take(29_000, { kind: 'Due' }).take(29_000, { kind: 'Read', lease: lease('you', 'b') }).did).toEqual([
      'Change',
    ]);
  });

  test('counts by the duration that the holder relies on, but not for longer than an hour', () => {
    expect([afterWaiting(60, 59_999), afterWaiting(60, 60_000)]).toEqual([[], ['Change']]);
    expect([afterWaiting(0, 14_999), afterWaiting(0, 15_000)]).toEqual([[], ['Change']]);
    expect([afterWaiting(1e9, 3_599_999), afterWaiting(1e9, 3_600_000)]).toEqual([[], ['Change']]);
  });

  test('takes a Lease that was given back at once', () => {
    const me = new Candidate().take(0, { kind: 'Due' }).take(0, { kind: 'Read', lease: lease('you', 'a') });
    expect(me.take(1_000, { kind: 'Due' }).take(1_001, { kind: 'Read', lease: lease('', 'b') }).did).toEqual([
      'Change',
    ]);
  });

  test('counts a Lease that was deleted as held until it would have run out', () => {
    const me = new Candidate().take(0, { kind: 'Due' }).take(0, { kind: 'Read', lease: lease('you', 'a') });
    expect(me.take(2_000, { kind: 'Due' }).take(2_000, { kind: 'Read', lease: undefined }).did).toEqual([]);
    expect(me.take(15_000, { kind: 'Due' }).take(15_000, { kind: 'Read', lease: undefined }).did).toEqual(['Create']);
  });

  test('waits when somebody else was faster, and when there is no answer', () => {
    for (const kind of ['Lost', 'Failed'] as const) {
      const me = new Candidate().take(0, { kind: 'Due' }).take(0, { kind: 'Read', lease: undefined });
      expect([me.take(5, { kind }).did, me.wakesIn]).toEqual([[], 500]);
    }
  });
});

describe('who leads', () => {
  test('renews by the clock of its beginnings, at the version that it knows', () => {
    const me = leader();
    expect(me.wakesIn).toBe(1_999);
    me.take(2_000, { kind: 'Due' });
    expect(me.last[0]).toMatchObject({
      request: { kind: 'Change', resourceVersion: '7', spec: { acquireTime: 't', renewTime: 't2000', transitions: 4 } },
    });
    me.take(5_000, { kind: 'Written', lease: lease('me', 't2000', { resourceVersion: '8' }), begun: 2_000 });
    // It is time for the next one by then.
    expect([me.did, me.leads(11_999), me.leads(12_000)]).toEqual([['Change'], true, false]);
  });

  test('leads no more once its deadline has passed, before anybody has told it so', () => {
    const me = leader();
    expect(me.leads(3_600_000)).toBe(false);
    expect(me.take(3_600_000, { kind: 'Due' }).did).toEqual(['StepDown NotRenewed', 'Read']);
  });

  test('steps down at its deadline also while a renewal has no answer, and leads again when one comes that is still worth something', () => {
    const me = leader().take(2_000, { kind: 'Due' });
    expect(me.wakesIn).toBe(8_000);
    expect(me.take(10_000, { kind: 'Due' }).did).toEqual(['StepDown NotRenewed']);
    me.take(11_000, { kind: 'Written', lease: lease('me', 't2000'), begun: 2_000 });
    expect([me.did, me.leads(11_999), me.leads(12_000)]).toEqual([['Lead', 'Change'], true, false]);
  });

  test('is not made leader by an answer that came too late', () => {
    const me = leader().take(2_000, { kind: 'Due' }).take(12_000, { kind: 'Due' });
    expect(me.take(12_000, { kind: 'Written', lease: lease('me', 't2000'), begun: 2_000 }).did).not.toContain('Lead');
  });

  test('tries again after a failure until its deadline', () => {
    const me = leader().take(2_000, { kind: 'Due' }).take(3_000, { kind: 'Failed' });
    expect(me.wakesIn).toBe(2_000);
    me.take(5_000, { kind: 'Due' }).take(9_000, { kind: 'Failed' });
    expect(me.wakesIn).toBe(1_000);
    expect(me.take(10_000, { kind: 'Due' }).did).toEqual(['StepDown NotRenewed']);
  });

  test('knows its own renewal again of which it had no answer', () => {
    const me = leader().take(2_000, { kind: 'Due' }).take(4_000, { kind: 'Failed' }).take(6_000, { kind: 'Due' });
    expect(me.take(6_001, { kind: 'Lost' }).did).toEqual(['Read']);
    me.take(6_002, { kind: 'Read', lease: lease('me', 't2000', { resourceVersion: '8' }) });
    expect(me.last[0]).toMatchObject({ request: { kind: 'Change', resourceVersion: '8' } });
    expect(me.leads(9_999)).toBe(true);
  });

  test('steps down at once when another one holds the Lease, also one of its own name', () => {
    for (const holder of ['you', 'me']) {
      const me = leader().take(2_000, { kind: 'Due' }).take(2_001, { kind: 'Lost' });
      expect(me.take(2_002, { kind: 'Read', lease: lease(holder, 'strange') }).did).toEqual(['StepDown TakenOver']);
      expect(
        me.take(4_000, { kind: 'Due' }).take(4_000, { kind: 'Read', lease: lease(holder, 'strange') }).did,
      ).toEqual([]);
    }
  });

  test('makes the Lease again that somebody deleted', () => {
    const me = leader().take(2_000, { kind: 'Due' }).take(2_001, { kind: 'Lost' });
    expect(me.take(2_002, { kind: 'Read', lease: undefined }).did).toEqual(['Create']);
  });

  test('takes its own Lease back when it can be reached again', () => {
    const me = leader().take(60_000, { kind: 'Due' });
    expect(me.did).toEqual(['StepDown NotRenewed', 'Read']);
    expect(me.take(60_001, { kind: 'Read', lease: lease('me', 't0') }).did).toEqual(['Change']);
  });
});

describe('a process that is started again under its name', () => {
  test('takes the Lease of its predecessor at once, without a transition', () => {
    const me = new Candidate().take(0, { kind: 'Due' }).take(0, { kind: 'Read', lease: lease('me', 'before') });
    expect(me.last[0]).toMatchObject({ request: { kind: 'Change', spec: { acquireTime: 't', transitions: 4 } } });
  });

  test('leaves it alone where it goes on being renewed: that is no predecessor', () => {
    const me = new Candidate().take(0, { kind: 'Due' }).take(0, { kind: 'Read', lease: lease('me', 'before') });
    me.take(5, { kind: 'Lost' }).take(1_005, { kind: 'Due' });
    expect(me.take(1_006, { kind: 'Read', lease: lease('me', 'after') }).did).toEqual([]);
  });
});

describe('who leaves', () => {
  const given = { kind: 'Change', spec: { holder: '', durationSeconds: 1, transitions: 4, renewTime: 't3000' } };

  test('gives the Lease back, as client-go does, and leads no more from the moment on in which it begins to', () => {
    const me = leader().take(3_000, { kind: 'Stop' });
    expect(me.last[0]).toMatchObject({ request: given });
    expect(me.leads(3_000)).toBe(false);
    me.take(3_001, { kind: 'Written', lease: lease('', 't3000'), begun: 3_000 });
    expect([me.did, me.election.role.kind]).toEqual([[], 'Left']);
  });

  test('waits for the renewal that is under way', () => {
    const me = leader().take(2_000, { kind: 'Due' }).take(2_500, { kind: 'Stop' });
    expect([me.did, me.leads(2_500)]).toEqual([[], false]);
    me.take(3_000, { kind: 'Written', lease: lease('me', 't2000', { resourceVersion: '8' }), begun: 2_000 });
    expect(me.last[0]).toMatchObject({ request: { ...given, resourceVersion: '8' } });
  });

  test('looks again where its picture of the Lease was old, and leaves alone what is not its own', () => {
    const me = leader().take(2_000, { kind: 'Due' }).take(2_500, { kind: 'Failed' }).take(3_000, { kind: 'Stop' });
    expect(me.take(3_001, { kind: 'Lost' }).did).toEqual(['Read']);
    const other = { ...me.election };
    expect(me.take(3_002, { kind: 'Read', lease: lease('me', 't2000') }).did).toEqual(['Change']);
    me.election = other;
    expect(me.take(3_002, { kind: 'Read', lease: lease('you', 'x') }).election.role.kind).toBe('Left');
  });

  test('asks once, and then leaves, where nobody answers', () => {
    const me = leader().take(3_000, { kind: 'Stop' }).take(4_000, { kind: 'Failed' });
    expect([me.election.role.kind, me.wakesIn]).toEqual(['Left', undefined]);
  });

  test('has nothing to give back where another one leads, or it never heard of a Lease', () => {
    const standby = new Candidate().take(0, { kind: 'Due' }).take(0, { kind: 'Read', lease: lease('you', 'a') });
    expect(standby.take(10, { kind: 'Stop' }).election.role.kind).toBe('Left');
    expect(new Candidate().take(0, { kind: 'Stop' }).election.role.kind).toBe('Left');
  });
});
