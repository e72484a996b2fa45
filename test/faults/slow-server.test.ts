import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { CONFIG_MAPS, labelling, owns } from '../support/fault-stories.ts';
import type { Fault, FaultStory, Scene } from '../support/fault-story.ts';
import { leads } from '../support/leads.ts';
import type { OperatorProcess } from '../support/operator-process.ts';
import { expectUndisturbed, PACE, useTheatre } from '../support/undisturbed.ts';
import { configMaps, isWritten, teamBecomes } from './labelled.ts';
import { isWrite, PASS } from './proxy.ts';

/** A file of its own, beside which others run: the server takes its time. */
const theatre = useTheatre();

const OBJECTS = 12;
/** How long the server takes for each write, and for each page of a list. */
const SLOW_MS = 5_000;
/** And for each request for the Lease: a try that takes longer than half of the renew deadline is given up. */
const SLOW_LEASE_MS = 3_000;

const SMALL: FaultStory = {
  objects: (ns) => configMaps(ns, OBJECTS),
  steps: [teamBecomes('blue', OBJECTS)],
  settled: (end) => isWritten(end, 'blue', OBJECTS) && owns(end, OBJECTS),
};

/**
 * Leads, once it has the Lease, and answers the probe that asks whether it lives; a kind that is being listed may
 * keep it from being ready.
 */
async function expectWell({ operator }: Scene): Promise<void> {
  expect((await operator.page('/healthz')).status).toBe(200);
  await leads(operator);
}

/** An operator that has ended became the leader once, and never stood by. */
function expectLedThroughout(operator: OperatorProcess | undefined): void {
  const told = operator?.lines.map(({ msg }) => msg).filter((msg) => /holds the Lease|stands by/.test(msg));
  expect(told).toEqual(['this process holds the Lease, and leads']);
}

let slowed: OperatorProcess | undefined;
const slow: Fault = async (scene, change) => {
  scene.proxy.use(async (request) => {
    const isList = request.method === 'GET' && request.query.has('limit');
    if (isWrite(request) || isList) await delay(SLOW_MS);
    else if (request.path.includes('/leases')) await delay(SLOW_LEASE_MS);
    return PASS;
  });
  await change();
  await expectWell(scene);
  slowed = scene.operator;
};

test('N8: the server takes five seconds for each write and each list, and three for the Lease: all is written, each object once', async () => {
  expectUndisturbed(await theatre().compare(SMALL, slow), PACE);
  expectLedThroughout(slowed);
});

/** Characters in each of so many objects: as near to the limit of etcd as a test can afford. */
const [LARGE, LARGE_OBJECTS] = [900_000, 24];

const HUGE: FaultStory = {
  objects: (ns) =>
    configMaps(ns, LARGE_OBJECTS).map((object) => ({
      ...object,
      data: { owner: 'ann', filler: 'x'.repeat(LARGE) },
    })),
  steps: [
    {
      act: (scene) =>
        scene.applyPolicy(
          'team',
          labelling(
            scene.ns,
            { team: 'blue' },
            {
              match: { resources: [{ ...CONFIG_MAPS, version: 'v1' }] },
              rules: [{ name: 'owner', set: { labels: [{ key: 'owner', valueFrom: { jsonPath: '$.data.owner' } }] } }],
            },
          ),
        ),
      until: (end) => isWritten(end, 'blue', LARGE_OBJECTS),
    },
    {
      act: (scene) => scene.patch(scene.path('configmaps', 'cm-0'), { labels: { owner: 'bob' } }),
      until: ({ objects }) => objects['configmaps/cm-0']?.['owner'] === 'ann (watchkeeper)',
    },
  ],
  settled: (end) => isWritten(end, 'blue', LARGE_OBJECTS) && owns(end, LARGE_OBJECTS),
};

test('N8: objects are as large as they can be, and the network is slow: memory has a bound, and the Lease is kept', async () => {
  let grown = Number.NaN;
  let thinned: OperatorProcess | undefined;
  const thin: Fault = async (scene, change, at) => {
    if (at === 0) return change();
    const before = await scene.operator.metric('process_resident_memory_bytes');
    if (at === 1) scene.proxy.network.slow(8 * 2 ** 20);
    await change();
    await expectWell(scene);
    thinned = scene.operator;
    grown = (await scene.operator.metric('process_resident_memory_bytes')) - before;
  };
  expectUndisturbed(await theatre().compare(HUGE, thin), PACE);
  expectLedThroughout(thinned);
  // What a rule reads of each object is kept, and a page of them is under way.
  expect(grown).toBeLessThan(6 * LARGE * LARGE_OBJECTS);
});
