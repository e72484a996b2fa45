import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '../../src/base/clock.ts';
import { silentLog } from '../../src/base/log.ts';
import { loadCredentials } from '../../src/kube/credentials.ts';
import { createKubeClient, type HttpKubeClient } from '../../src/kube/http-client.ts';
import { BEGINNING } from '../cluster/audit-log.ts';
import type { ControlPlane } from '../cluster/control-plane.ts';
import type { Watchdog } from '../cluster/watchdog.ts';
import { FaultProxy } from '../faults/proxy.ts';
import { Installation, install } from '../support/installation.ts';
import { Dice } from './dice.ts';
import { Population } from './population.ts';
import { type QuietPoint, quietPoint } from './quiet-point.ts';
import { Replica, type Sample } from './replica.ts';
import { type Arena, outage, TROUBLES } from './soak-faults.ts';

export interface SoakOptions {
  readonly cluster: ControlPlane;
  readonly watchdog: Watchdog;
  readonly bundle: string;
  readonly nodeFlags: readonly string[];
  readonly seed: number;
  /** How long it changes things and breaks them, all told. */
  readonly churnMs: number;
  /** How often it rests meanwhile. */
  readonly rests: number;
  /** Objects in each of four namespaces. */
  readonly perNamespace: number;
  /** How long nothing may be written at each rest. */
  readonly restMs: number;
  /** How long what a process holds must have stayed the same at the first of them. */
  readonly calmMs: number;
  /** Told of each thing as it happens. */
  readonly say: (line: string) => void;
}

export interface TimedSample extends Sample {
  readonly replica: string;
  readonly life: number;
  readonly atMs: number;
}

export interface SoakResult {
  readonly seed: number;
  readonly quietPoints: readonly QuietPoint[];
  readonly samples: readonly TimedSample[];
  readonly changes: ReadonlyMap<string, number>;
  readonly faults: ReadonlyMap<string, number>;
  readonly writes: number;
}

const REPLICAS = ['a', 'b'];
const SAMPLE_MS = 5_000;
/** Requests of the churn under way at once, and how long each of its workers waits between two. */
const WORKERS = 4;
const PAUSE_MS = 100;
const SERVICE_ACCOUNT = { namespace: 'watchkeeper', name: 'watchkeeper' };

/**
 * The product under changes and faults for a long time, with rests in which all must be as the policies say, nothing is written,
 * and every process holds what it held at the first of them.
 */
export async function soak(options: SoakOptions): Promise<SoakResult> {
  const { cluster, seed, rests, churnMs, say } = options;
  const installed = await install(cluster);
  const stage = new Installation(installed);
  const client = createKubeClient({
    credentials: await loadCredentials({ kubeconfig: cluster.kubeconfig }, systemClock, silentLog),
    userAgent: 'soak',
    clock: systemClock,
    log: silentLog,
  });
  const run = new Soak(options, stage, client);
  try {
    await run.start();
    for (let rest = 0; rest <= rests; rest += 1) {
      if (rest > 0) await run.churn(churnMs / rests, rest);
      await run.rest();
    }
    return await run.result(seed);
  } finally {
    say('stopping');
    await run.stop();
    await client.close();
    stage.admin.close();
  }
}

class Soak {
  readonly #options: SoakOptions;
  readonly #stage: Installation;
  readonly #client: HttpKubeClient;
  readonly #dice: Dice;
  readonly #population: Population;
  readonly #proxies: FaultProxy[] = [];
  readonly #replicas: Replica[] = [];
  readonly #points: QuietPoint[] = [];
  readonly #samples: TimedSample[] = [];
  readonly #faults = new Map<string, number>();
  readonly #startedAt = performance.now();
  #sampler: NodeJS.Timeout | undefined;

  constructor(options: SoakOptions, stage: Installation, client: HttpKubeClient) {
    this.#options = options;
    this.#stage = stage;
    this.#client = client;
    this.#dice = new Dice(options.seed);
    this.#population = new Population(stage, new Dice(options.seed + 1), options.perNamespace);
  }

  async start(): Promise<void> {
    const { cluster, bundle, nodeFlags, watchdog } = this.#options;
    for (const name of REPLICAS) {
      const proxy = await FaultProxy.start(cluster);
      this.#proxies.push(proxy);
      const kubeconfig = await proxy.kubeconfigFor(SERVICE_ACCOUNT);
      const args = ['--status-violations', '500', '--log-level', 'info', '--identity', name];
      this.#replicas.push(new Replica({ name, bundle, kubeconfig, nodeFlags, args, watchdog }));
    }
    await this.#allReady();
    this.#sampler = setInterval(() => this.#sample(), SAMPLE_MS);
  }

  /** Changes things all the time, and lets one thing after another go wrong. */
  async churn(ms: number, part: number): Promise<void> {
    const until = performance.now() + ms;
    const workers = Array.from({ length: WORKERS }, async () => {
      while (performance.now() < until) {
        await this.#population.change();
        await delay(PAUSE_MS);
      }
    });
    const isMiddle = part === Math.ceil(this.#options.rests / 2);
    // Later they live on, so that what they hold can be compared over a long time.
    if (part <= this.#options.rests / 3) await this.#endReplica();
    if (isMiddle) await this.#named('long outage', async (arena) => outage(arena, ms / 2));
    while (performance.now() < until) {
      const name = this.#dice.one(Object.keys(TROUBLES));
      const trouble = TROUBLES[name];
      const left = until - performance.now();
      if (trouble === undefined) continue;
      await this.#named(name, async (arena) => trouble(arena, Math.min(left, 1_000 + this.#dice.number(7_000))));
      await delay(Math.max(0, Math.min(until - performance.now(), 2_000 + this.#dice.number(8_000))));
    }
    await Promise.all(workers);
  }

  async rest(): Promise<void> {
    await this.#allReady();
    await this.#population.restore();
    const point = await quietPoint({
      stage: this.#stage,
      client: this.#client,
      population: this.#population,
      replicas: this.#replicas,
      first: this.#points[0],
      atMs: performance.now() - this.#startedAt,
      restMs: this.#options.restMs,
      calmMs: this.#options.calmMs,
    });
    this.#points.push(point);
    for (const line of point.lines) this.#options.say(line);
    for (const line of point.wrong) this.#options.say(`WRONG: ${line}`);
  }

  async result(seed: number): Promise<SoakResult> {
    const entries = await this.#stage.writesSince(BEGINNING);
    return {
      seed,
      quietPoints: this.#points,
      samples: this.#samples,
      changes: this.#population.counts,
      faults: this.#faults,
      writes: entries.length,
    };
  }

  async stop(): Promise<void> {
    clearInterval(this.#sampler);
    await Promise.all(this.#replicas.map(async (replica) => replica.stop()));
    await Promise.all(this.#proxies.map(async (proxy) => proxy.close()));
  }

  async #named(name: string, trouble: (arena: Arena) => Promise<void>): Promise<void> {
    this.#faults.set(name, (this.#faults.get(name) ?? 0) + 1);
    this.#options.say(`fault: ${name}`);
    await trouble({ cluster: this.#options.cluster, proxies: this.#proxies, dice: this.#dice });
  }

  async #endReplica(): Promise<void> {
    const replica = this.#dice.one(this.#replicas);
    const how = this.#dice.one(['killed', 'stopped', 'paused'] as const);
    await this.#named(`replica ${how}`, async () => {
      if (how === 'paused') {
        replica.signal('SIGSTOP');
        await delay(Math.min(20_000, this.#options.churnMs / 4));
        replica.signal('SIGCONT');
      } else {
        await (how === 'killed' ? replica.process.kill() : replica.process.stop());
        replica.restart();
      }
    });
  }

  async #allReady(): Promise<void> {
    for (const replica of this.#replicas) {
      if (!replica.isRunning) {
        this.#options.say(`replica ${replica.name} has ended by itself:\n${replica.process.tail(3)}`);
        replica.restart();
      }
      await replica.process.ready(60_000);
    }
  }

  #sample(): void {
    const atMs = performance.now() - this.#startedAt;
    for (const replica of this.#replicas) {
      const sample = replica.sample();
      if (sample !== undefined) this.#samples.push({ ...sample, replica: replica.name, life: replica.life, atMs });
    }
  }
}
