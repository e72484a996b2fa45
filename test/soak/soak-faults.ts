import { setTimeout as delay } from 'node:timers/promises';
import type { ControlPlane } from '../cluster/control-plane.ts';
import { type Fate, type FaultProxy, LOSE_ANSWER, PASS, type ProxiedRequest, REFUSE_BEFORE } from '../faults/proxy.ts';
import type { Dice } from './dice.ts';

export interface Arena {
  readonly cluster: ControlPlane;
  /** One before each replica. */
  readonly proxies: readonly FaultProxy[];
  readonly dice: Dice;
}

/** What goes wrong for so many milliseconds; all is well again when it resolves. */
type Trouble = (arena: Arena, ms: number) => Promise<void>;

/** By name: what happens between the operator and the server, and to the server. */
export const TROUBLES: Readonly<Record<string, Trouble>> = {
  cut: async ({ proxies }) => {
    for (const proxy of proxies) proxy.disconnect();
  },
  'all refused': async (arena, ms) => during(arena, ms, () => REFUSE_BEFORE),
  'some answers lost': async (arena, ms) =>
    during(arena, ms, ({ write }) => (write !== undefined && arena.dice.chance(0.3) ? LOSE_ANSWER : PASS)),
  'too many requests': async (arena, ms) =>
    during(arena, ms, () => (arena.dice.chance(0.3) ? { kind: 'Answer', status: 429, retryAfter: 1 } : PASS)),
  'server errors': async (arena, ms) =>
    during(arena, ms, () => {
      return arena.dice.chance(0.5) ? { kind: 'Answer', status: arena.dice.one([500, 502, 503, 504]) } : PASS;
    }),
  'watches gone': async (arena, ms) => {
    cut(arena);
    await during(arena, ms, ({ query }) => (query.has('watch') ? { kind: 'Answer', status: 410 } : PASS));
  },
  'slow answers': async (arena, ms) => {
    await during(arena, ms, async () => {
      await delay(arena.dice.number(1_000));
      return PASS;
    });
  },
  'history compacted while away': async (arena, ms) => {
    cut(arena);
    await during(arena, ms, () => REFUSE_BEFORE);
    await arena.cluster.compactEtcd();
    cut(arena);
  },
  'server frozen': async ({ cluster }, ms) => {
    cluster.pauseApiServer();
    try {
      await delay(ms);
    } finally {
      cluster.resumeApiServer();
    }
  },
  // The proxies' own connections end with the server's, which Node does not always notice.
  'server restarted': async (arena) => {
    await arena.cluster.restartApiServer();
    cut(arena);
  },
  'server killed': async (arena) => {
    await arena.cluster.killApiServer();
    cut(arena);
    await arena.cluster.startApiServer();
    cut(arena);
  },
};

/** Nothing reaches the server, which others go on using. */
export async function outage(arena: Arena, ms: number): Promise<void> {
  cut(arena);
  await during(arena, ms, () => REFUSE_BEFORE);
}

function cut({ proxies }: Arena): void {
  for (const proxy of proxies) proxy.disconnect();
}

async function during({ proxies }: Arena, ms: number, fate: (request: ProxiedRequest) => Fate | Promise<Fate>) {
  for (const proxy of proxies) proxy.use(fate);
  try {
    await delay(ms);
  } finally {
    for (const proxy of proxies) proxy.clear();
  }
}
