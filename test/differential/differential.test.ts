import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { systemClock } from '../../src/base/clock.ts';
import { silentLog } from '../../src/base/log.ts';
import type { Ledger } from '../../src/controller/ledger.ts';
import { ledgerStore } from '../../src/controller/ledger-store.ts';
import { loadCredentials } from '../../src/kube/credentials.ts';
import { DiscoveryClient } from '../../src/kube/discovery-client.ts';
import { createKubeClient, type HttpKubeClient } from '../../src/kube/http-client.ts';
import { eventually } from '../cluster/eventually.ts';
import { quietLedger } from '../support/quiet-ledger.ts';
import { useStage } from '../support/stage.ts';
import { foundStatus } from './found-status.ts';
import { historyOf, NAMESPACES } from './history.ts';
import { type Expectation, expectation } from './oracle.ts';
import { SharedOperator, selectedOf, type UserKeys, World } from './world.ts';

/**
 * Random histories on the real server. Each ends in what the pure core makes of its final state, from scratch:
 * labels, annotations and owners that need no further write, and the same counts and results in every status.
 * Others: HISTORIES=200 SEED=1 npx vitest run --project journeys test/differential
 */
const HISTORIES = Number(process.env['HISTORIES'] ?? 40);
const FIRST_SEED = Number(process.env['SEED'] ?? 1);
const AT_ONCE = 20;

const stage = useStage();
let client: HttpKubeClient;
beforeAll(async () => {
  client = createKubeClient({
    credentials: await loadCredentials({ kubeconfig: stage().cluster.kubeconfig }, systemClock, silentLog),
    userAgent: 'test/differential',
    clock: systemClock,
    log: silentLog,
  });
});
afterAll(async () => client.close());

const signal = new AbortController().signal;

async function expected(world: World): Promise<Expectation> {
  const discovery = await new DiscoveryClient(client).refresh(signal);
  const ledger = await recordedLedger();
  return expectation(client, discovery, {
    recorded: (...policy) => ledger.recordOf(...policy),
    policies: world.policies.values(),
    namespaces: NAMESPACES.map((name) => world.namespace(name)),
    written: ['configmaps', 'services', `widgets.${world.group}`],
  });
}

async function recordedLedger(): Promise<Ledger> {
  const ledger = quietLedger(ledgerStore(client, 'watchkeeper', signal));
  await ledger.load();
  return ledger;
}

async function statuses(world: World): Promise<Expectation['statuses']> {
  const names = [...world.policies.values()].map(({ version }) => version.name);
  const found = names.map(async (name) => [name, await foundStatus(stage().admin, name)] as const);
  return Object.fromEntries(await Promise.all(found));
}

/** The users' own keys as they stand. */
async function userKeys(world: World): Promise<Readonly<Record<string, UserKeys>>> {
  const found = [...world.users.keys()].map(async (path) => {
    const { metadata } = await stage().admin.get(path);
    return [path, { labels: selectedOf(metadata.labels), annotations: selectedOf(metadata.annotations) }] as const;
  });
  return Object.fromEntries(await Promise.all(found));
}

const batches = Array.from({ length: Math.ceil(HISTORIES / AT_ONCE) }, (_, i) => {
  const first = FIRST_SEED + i * AT_ONCE;
  return { first, last: Math.min(first + AT_ONCE, FIRST_SEED + HISTORIES) - 1 };
});

describe('random histories end in what the pure core makes of the final state', () => {
  test.each(batches)('seeds $first to $last', async ({ first, last }) => {
    const operator = new SharedOperator(stage());
    const mark = await stage().cluster.auditMark();
    await operator.start();
    const run = Date.now().toString(36);
    const worlds = Array.from({ length: last - first + 1 }, (_, i) => ({
      seed: first + i,
      world: new World(`h${run}-${first + i}`, stage(), operator),
    }));
    await Promise.all(
      worlds.map(async ({ seed, world }) => {
        await world.begin();
        for (const [place, act] of historyOf(seed).entries()) {
          await world.play(act).catch((error: unknown) => {
            throw new Error(`seed ${seed}, act ${place} ${JSON.stringify(act)}`, { cause: error });
          });
        }
        await world.end();
      }),
    );
    for (const { seed, world } of worlds) {
      await eventually(
        `what seed ${seed} leaves to write`,
        async () => (await expected(world)).unsettled,
        (unsettled) => unsettled.length === 0,
        { intervalMs: 200 },
      );
    }
    await eventually(
      'the queues',
      async () =>
        (await operator.process.metric('watchkeeper_evaluation_queue_depth')) +
        (await operator.process.metric('watchkeeper_write_queue_depth')),
      (depth) => depth === 0,
    );
    // What is due in a status is written before it ends.
    expect(await operator.process.stop()).toBe(0);
    const wrong: unknown[] = [];
    const figures: string[] = [];
    for (const { seed, world } of worlds) {
      const writes = (
        await Promise.all(NAMESPACES.map((name) => stage().writesSince(mark, world.namespace(name))))
      ).flat();
      const figure = `seed ${seed}: ${writes.length} writes of at most ${world.writesAtMost}`;
      figures.push(figure);
      if (writes.length > world.writesAtMost) wrong.push(figure);
      const { statuses: wanted } = await expected(world);
      const found = await statuses(world);
      for (const { version } of world.policies.values()) {
        const [isThere, shouldBe] = [found[version.name], wanted[version.name]];
        if (!isDeepStrictEqual(isThere, shouldBe)) wrong.push({ seed, policy: version, isThere, shouldBe });
      }
      const [userKeysFound, userKeysLeft] = [await userKeys(world), Object.fromEntries(world.users)];
      if (!isDeepStrictEqual(userKeysFound, userKeysLeft)) wrong.push({ seed, userKeysFound, userKeysLeft });
      await world.clear();
    }
    process.stdout.write(`${figures.join('\n')}\n`);
    if (wrong.length > 0) throw new Error(stringify(wrong, { lineWidth: 160 }));
  });
});
