import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../../test/support/manual-clock.ts';
import { silentLog } from '../../base/log.ts';
import { ApiError, type ApiErrorFields } from '../../kube/errors.ts';
import type { EventContent, EventPlace, EventSeries } from '../../kube/events.ts';
import { type EventResult, EventSender, MAX_WAITING } from './event-sender.ts';
import { type Fact, factOf } from './fact.ts';

const fact = (name = 'x', namespace = 'a'): Fact =>
  factOf('Resolved', 'done', { apiVersion: 'v1', kind: 'ConfigMap', namespace, name, uid: `uid-${name}` });
const error = (fields: Partial<ApiErrorFields>) =>
  new ApiError({ code: 'Other', status: 0, reason: '', message: 'no', ...fields });

function setUp() {
  const clock = new ManualClock(Date.UTC(2030, 0, 1));
  const sent: (EventPlace & { readonly content?: EventContent; readonly series?: EventSeries })[] = [];
  const counts: Record<EventResult, number> = { Sent: 0, Repeated: 0, RolledUp: 0, Dropped: 0, Failed: 0 };
  const warnings: string[] = [];
  const server = { answer: async (_what: 'create' | 'repeat'): Promise<void> => {} };
  const end = new AbortController();
  const sender = new EventSender({
    clock,
    random: () => 0,
    log: {
      ...silentLog,
      warn: (_fields, message) => warnings.push(`warn: ${message}`),
      info: (_fields, message) => warnings.push(`info: ${message}`),
    },
    instance: 'pod-1',
    signal: end.signal,
    requests: {
      create: async ({ namespace, name }, content) => {
        sent.push({ namespace, name, content });
        await server.answer('create');
      },
      repeat: async ({ namespace, name }, series) => {
        sent.push({ namespace, name, series });
        await server.answer('repeat');
      },
    },
    observe: (result, count) => {
      counts[result] += count;
    },
  });
  const offer = async (...facts: readonly Fact[]): Promise<void> => {
    for (const each of facts) sender.offer(each);
    for (let i = 0; i < 4; i++) await clock.settle();
  };
  return { clock, sender, end, sent, counts, warnings, server, offer };
}

describe('an Event', () => {
  test('is sent at once, with who tells what about what', async () => {
    const { sent, counts, offer } = setUp();
    await offer(fact());
    expect(sent).toEqual([
      {
        namespace: 'a',
        name: expect.stringMatching(/^x\.watchkeeper-[0-9a-f]+$/),
        content: {
          eventTime: '2030-01-01T00:00:00.000000Z',
          reportingController: 'watchkeeper.dev/watchkeeper',
          reportingInstance: 'pod-1',
          type: 'Normal',
          reason: 'Resolved',
          action: 'Evaluate',
          note: 'done',
          regarding: fact().regarding,
          related: undefined,
          series: undefined,
        },
      },
    ]);
    expect(counts).toEqual({ Sent: 1, Repeated: 0, RolledUp: 0, Dropped: 0, Failed: 0 });
  });

  test('that happens again becomes a series at once, which then is told of twice a minute', async () => {
    const { clock, sent, counts, offer } = setUp();
    await offer(fact());
    await offer(fact());
    expect(sent[1]).toEqual({
      namespace: 'a',
      name: sent[0]?.name,
      series: { count: 2, lastObservedTime: '2030-01-01T00:00:00.000000Z' },
    });
    await clock.advance(1_000);
    await offer(fact(), fact(), fact());
    expect(sent).toHaveLength(2);
    await clock.advance(40_000);
    expect(sent.slice(2)).toEqual([
      { namespace: 'a', name: sent[0]?.name, series: { count: 5, lastObservedTime: '2030-01-01T00:00:01.000000Z' } },
    ]);
    expect(counts).toMatchObject({ Sent: 1, Repeated: 4 });
  });

  test('that happens again after six quiet minutes is a new one; no timer is left by then', async () => {
    const { clock, sent, offer } = setUp();
    await offer(fact());
    await clock.advance(375_000);
    expect(clock.pending).toBe(0);
    await offer(fact());
    expect(sent.map(({ content }) => content !== undefined)).toEqual([true, true]);
    expect(new Set(sent.map(({ name }) => name)).size).toBe(2);
  });

  test('that expired on the server while it goes on is made anew with its series', async () => {
    const { sent, counts, server, offer } = setUp();
    await offer(fact());
    server.answer = async (what) => {
      if (what === 'repeat') throw error({ code: 'NotFound' });
    };
    await offer(fact());
    expect(sent[2]?.content?.series?.count).toBe(2);
    expect(counts).toEqual({ Sent: 1, Repeated: 1, RolledUp: 0, Dropped: 0, Failed: 0 });
  });

  test('counts what it stands for once it is sent', async () => {
    const { sender, clock, counts } = setUp();
    sender.offer(fact(), 300);
    await clock.settle();
    expect(counts).toMatchObject({ Sent: 1, RolledUp: 300 });
  });
});

describe('too much', () => {
  test('O2: goes out at a bounded rate; what waits is bounded, and what does not fit is counted', async () => {
    const { clock, sender, sent, counts, offer } = setUp();
    await offer(...Array.from({ length: 600 }, (_, i) => fact(`x-${i}`)));
    expect(sent.length).toBe(30);
    expect(sender.depth + sent.length).toBeLessThanOrEqual(MAX_WAITING + 30);
    await clock.advance(10_000);
    expect(sent.length).toBeLessThanOrEqual(81);
    expect(sent.length).toBeGreaterThanOrEqual(79);
    await clock.advance(200_000);
    expect(counts.Sent + counts.Dropped).toBe(600);
    // The first was on its way already.
    expect(counts.Dropped).toBe(599 - MAX_WAITING);
  });

  test('of the same is one Event and one patch', async () => {
    const { clock, sent, counts, offer } = setUp();
    await offer(...Array.from({ length: 5_000 }, () => fact()));
    await clock.advance(400_000);
    expect(sent.length).toBeLessThanOrEqual(2);
    expect(counts).toMatchObject({ Sent: 1, Repeated: 4_999, Dropped: 0 });
  });
});

describe('a server that', () => {
  test('asks to wait is waited for, and then has it', async () => {
    const { clock, sent, counts, server, offer } = setUp();
    server.answer = async () => {
      throw error({ code: 'TooManyRequests', status: 429, retryAfterMs: 7_000 });
    };
    await offer(fact());
    await clock.advance(6_999);
    expect(sent).toHaveLength(1);
    server.answer = async () => {};
    await clock.advance(1);
    expect(sent).toHaveLength(2);
    expect(counts).toMatchObject({ Sent: 1, Failed: 0 });
  });

  test('asks to wait for an hour is asked again after a minute: all other Events wait behind that one', async () => {
    const { clock, sent, server, offer } = setUp();
    server.answer = async () => {
      throw error({ code: 'TooManyRequests', status: 429, retryAfterMs: 3_600_000 });
    };
    await offer(fact(), fact('y'));
    await clock.advance(59_999);
    expect(sent).toHaveLength(1);
    server.answer = async () => {};
    await clock.advance(1);
    expect(sent).toHaveLength(3);
  });

  test('is away is asked five times, and the Event given up', async () => {
    const { clock, sent, counts, server, offer } = setUp();
    server.answer = async () => {
      throw error({ code: 'Network' });
    };
    await offer(fact());
    await clock.advance(60_000);
    expect(sent).toHaveLength(5);
    expect(counts).toMatchObject({ Sent: 0, Failed: 1 });
  });

  test('has made what it did not answer is believed', async () => {
    const { clock, sent, counts, server, offer } = setUp();
    server.answer = async () => {
      server.answer = async () => {
        throw error({ code: 'Conflict', status: 409 });
      };
      throw error({ code: 'Timeout' });
    };
    await offer(fact());
    await clock.advance(1_000);
    expect(new Set(sent.map(({ name }) => name)).size).toBe(1);
    expect(counts).toMatchObject({ Sent: 1, Failed: 0 });
  });

  test('has another Event of the name gets one of another name', async () => {
    const { sent, counts, server, offer } = setUp();
    server.answer = async () => {
      server.answer = async () => {};
      throw error({ code: 'Conflict', status: 409 });
    };
    await offer(fact());
    expect(new Set(sent.map(({ name }) => name)).size).toBe(2);
    expect(counts).toMatchObject({ Sent: 1, Failed: 0 });
  });

  test('takes nothing in a namespace that is on its way out is left alone, without a word', async () => {
    const { counts, warnings, server, offer } = setUp();
    server.answer = async () => {
      throw error({ code: 'Forbidden', status: 403, message: 'x because it is being terminated' });
    };
    await offer(fact('x'), fact('y'));
    expect([counts.Failed, warnings]).toEqual([2, []]);
  });

  test('refuses is told of once, tried again at growing intervals, and told of when it takes them again', async () => {
    const { clock, sent, counts, warnings, server, offer } = setUp();
    server.answer = async () => {
      throw error({ code: 'Forbidden', status: 403 });
    };
    for (let i = 0; i < 60; i++) {
      await offer(fact(`a-${i}`), fact(`b-${i}`, 'b'));
      await clock.advance(1_000);
    }
    expect(counts.Failed).toBe(120);
    expect(sent.length).toBeLessThan(20);
    expect(warnings).toEqual([
      expect.stringContaining('warn: Events cannot be written; grant apiGroups: [events.k8s.io]'),
    ]);
    server.answer = async () => {};
    await clock.advance(120_000);
    await offer(fact('again'));
    expect(warnings).toHaveLength(1);
    await offer(fact('again-b', 'b'));
    expect(warnings.at(-1)).toBe('info: Events can be written again');
    expect(counts.Sent).toBe(2);
  });
});

describe('stop', () => {
  test('sends what repeats and was not told of yet', async () => {
    const { sender, sent, counts, offer } = setUp();
    await offer(fact(), fact());
    await offer(fact());
    await sender.stop();
    expect(sent.at(-1)?.series?.count).toBe(3);
    expect(counts).toMatchObject({ Sent: 1, Repeated: 2, Dropped: 0 });
  });

  test('waits a second at most, counts what is left, and leaves no timer', async () => {
    const { clock, sender, counts, server, offer } = setUp();
    const never = Promise.withResolvers<void>();
    server.answer = () => never.promise;
    await offer(fact('x'), fact('y'));
    const stopped = sender.stop();
    await clock.advance(1_000);
    never.reject(error({ code: 'Aborted' }));
    await stopped;
    expect([counts.Sent, counts.Dropped + counts.Failed, clock.pending]).toEqual([0, 2, 0]);
    sender.offer(fact('z'));
    expect(counts.Dropped + counts.Failed).toBe(3);
  });

  test('waits no more once all is to end', async () => {
    const { clock, sender, end, counts, server, offer } = setUp();
    server.answer = async () => {
      throw error({ code: 'TooManyRequests', retryAfterMs: 60_000 });
    };
    await offer(fact('x'), fact('y'));
    const stopped = sender.stop();
    end.abort();
    await stopped;
    expect([counts.Dropped, clock.pending]).toEqual([2, 0]);
  });
});
