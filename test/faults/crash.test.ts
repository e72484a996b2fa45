import { expect, it } from 'vitest';
import { LIFE } from '../support/fault-stories.ts';
import type { Fault } from '../support/fault-story.ts';
import { expectUndisturbed, PACE, useTheatre } from '../support/undisturbed.ts';
import { isWrite, PASS, REFUSE_BEFORE } from './proxy.ts';

const theatre = useTheatre();

/** In each step the operator is killed just before its n-th write reaches the API server, or just before it hears the answer. */
function killAt(n: number, when: 'before' | 'after') {
  const log = { kills: 0, inFlight: 0 };
  const fault: Fault = async (scene, change, at) => {
    let came = 0;
    const kill = async () => {
      // Of these it is not known what becomes of them.
      log.inFlight += scene.proxy.writesUnderWay - 1;
      log.kills += 1;
      await scene.replace();
    };
    scene.proxy.use(async (request) => {
      if (at === 0 || !isWrite(request)) return PASS;
      came += 1;
      if (came !== n) return PASS;
      if (when === 'after') return { kind: 'LoseAnswer', answered: kill };
      await kill();
      return REFUSE_BEFORE;
    });
    await change();
  };
  return { fault, log };
}

// A step that takes fewer writes is not disturbed.
const POINTS = Array.from({ length: 7 }, (_, i) => [
  { n: i + 1, when: 'before' as const },
  { n: i + 1, when: 'after' as const },
]).flat();

it.each(POINTS)(
  'I1, I2, I3: killed $when write $n of each step, it leaves the rest to the next process, and nothing is written twice',
  async ({ n, when }) => {
    const { fault, log } = killAt(n, when);
    expectUndisturbed(await theatre().compare(LIFE, fault), {
      objects: log.inFlight,
      ledger: log.inFlight,
      // Each process tells first what it knows, and cannot know of an Event that was under way.
      status: PACE.status + log.kills,
      events: PACE.events + log.kills,
      refused: log.inFlight + log.kills,
    });
    expect(log.kills).toBeGreaterThan(0);
  },
);
