import { expect, it } from 'vitest';
import { LIFE } from '../support/fault-stories.ts';
import type { Fault, Scene } from '../support/fault-story.ts';
import { HOUR, jumping } from '../support/jumping-clock.ts';
import { leads, SHORT_LEASE } from '../support/leads.ts';
import type { OperatorProcess } from '../support/operator-process.ts';
import { expectUndisturbed, PACE, useTheatre } from '../support/undisturbed.ts';
import { type Fate, isWrite, PASS, REFUSE_BEFORE } from './proxy.ts';

const theatre = useTheatre(undefined, {
  args: SHORT_LEASE,
  nodeFlags: jumping(HOUR),
});

/** From the start on somebody stands by; then this comes about in each step. */
function besideStandby(trouble: Fault): Fault {
  return async (scene, change, at) => {
    if (at > 0) return trouble(scene, change, at);
    await change();
    await scene.standBy();
  };
}

interface Trouble {
  /** Comes to who leads. @returns what becomes of the write that it has just sent */
  readonly comes: (leader: OperatorProcess) => Fate | Promise<Fate>;
  /** Once the other one leads: until somebody stands by again. */
  readonly ends: (scene: Scene) => Promise<void>;
}

/** Trouble comes to who leads just before its n-th write of each step reaches the API server, and the other one takes over. */
function atWrite(n: number, { comes, ends }: Trouble) {
  const log = { takeovers: 0, inFlight: 0 };
  const fault = besideStandby(async (scene, change) => {
    const { operator, proxy } = scene;
    const came = Promise.withResolvers<void>();
    let writes = 0;
    proxy.use(async (request) => {
      if (!isWrite(request)) return PASS;
      writes += 1;
      if (writes !== n) return PASS;
      log.inFlight += proxy.writesUnderWay;
      const fate = await comes(operator);
      came.resolve();
      return fate;
    });
    await change();
    await came.promise;
    await scene.takenOver();
    log.takeovers += 1;
    await ends(scene);
  });
  return { fault, log };
}

/** Each one that leads tells first what it knows, and cannot know of an Event that was under way. */
const TOLD_ANEW = { status: PACE.status + LIFE.steps.length, events: PACE.events + LIFE.steps.length };

const KILLED: Trouble = {
  comes: async (leader) => {
    await leader.kill();
    return REFUSE_BEFORE;
  },
  ends: (scene) => scene.standBy(),
};

it('L1: killed in the middle of each step, the leader leaves the rest to who stands by, and nothing is written twice', async () => {
  const { fault, log } = atWrite(3, KILLED);
  const told = await theatre().compare(LIFE, fault);
  // Its Lease runs for 5 s more: what was under way is known by then.
  expectUndisturbed(told, { ...TOLD_ANEW, objects: 0, ledger: 0, refused: log.inFlight });
  expect(log.takeovers).toBe(LIFE.steps.length);
});

const PAUSED: Trouble = {
  comes: ({ pid }) => {
    process.kill(pid, 'SIGSTOP');
    return PASS;
  },
  ends: async ({ standby }) => {
    process.kill(standby.pid, 'SIGCONT');
    await leads(standby, false);
  },
};

it('L1: paused in each step until somebody else leads, the two make the same writes as one that is not', async () => {
  const { fault, log } = atWrite(3, PAUSED);
  expectUndisturbed(await theatre().compare(LIFE, fault), TOLD_ANEW);
  expect(log.takeovers).toBe(LIFE.steps.length);
});

const STOPPED: Trouble = {
  comes: (leader) => {
    void leader.stop();
    return PASS;
  },
  ends: async (scene) => {
    expect(await scene.standby.exited).toBe(0);
    await scene.standBy();
  },
};

it.each([1, 3])(
  'L3: asked to stop before write %i of each step, the leader leaves no more than the rest to who stands by',
  async (n) => {
    const { fault, log } = atWrite(n, STOPPED);
    const told = await theatre().compare(LIFE, fault);
    // What its last writes came to, who leads next may not have heard yet.
    expectUndisturbed(told, { ...TOLD_ANEW, objects: log.inFlight, ledger: log.inFlight });
    expect(log.takeovers).toBe(LIFE.steps.length);
  },
);

it('L2: the wall clock jumps by an hour as each step begins, there and back, and nothing comes of it', async () => {
  const fault = besideStandby(async ({ operator, standby }, change) => {
    for (const { pid } of [operator, standby]) process.kill(pid, 'SIGUSR2');
    await change();
  });
  expectUndisturbed(await theatre().compare(LIFE, fault), PACE);
});

it('M4: rolled out anew in each step, as a Deployment does it, the operator makes the same writes as one that stays', async () => {
  let inFlight = 0;
  const rollOut: Fault = async (scene, change, at) => {
    await change();
    if (at === 0) return;
    const { operator, proxy } = scene;
    await scene.standBy();
    inFlight += proxy.writesUnderWay;
    await Promise.all([operator.stop(), scene.takenOver()]);
  };
  // What its last writes came to, who leads next may not have heard yet.
  const told = await theatre().compare(LIFE, rollOut);
  expectUndisturbed(told, { ...TOLD_ANEW, objects: inFlight, ledger: inFlight });
});
