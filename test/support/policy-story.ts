import { isDeepStrictEqual } from 'node:util';
import * as z from 'zod';
import { eventually } from '../cluster/eventually.ts';
import { at, type Manifest } from '../cluster/kube-object.ts';
import { POLICIES, type PolicySpec } from './installation.ts';
import { keysAndOwners } from './key-owners.ts';
import type { OperatorProcess } from './operator-process.ts';
import { viewOf } from './policy-view.ts';
import { configMap, type Stage } from './stage.ts';

/** One policy's life, in a namespace of its own, so that many stories run side by side. */
export interface Story {
  /** Also the policy's name. */
  readonly name: string;
  readonly title: string;
  /** Made before the policy. */
  readonly objects: (ns: string) => readonly Manifest[];
  /** In force before the first step. */
  readonly policy: (ns: string) => PolicySpec;
  readonly steps: readonly Step[];
}

export interface Step {
  readonly act: (scene: Scene) => Promise<void>;
  /** How it ends. */
  readonly ends: Ending;
}

export interface Ending {
  /** By resource and name, such as `configmaps/web`: see `keysAndOwners`. */
  readonly objects: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Writes of objects that it took. */
  readonly writes: number;
  /** The results in the policy's status; none when there is no policy. */
  readonly says?: readonly string[];
}

/** What a step may do. */
export interface Scene {
  readonly stage: Stage;
  readonly ns: string;
  edit(spec: PolicySpec): Promise<void>;
  remove(): Promise<void>;
  /** A change by hand, of one object. */
  label(path: string, labels: Readonly<Record<string, string | null>>): Promise<void>;
}

/** How a change and the operator's process meet. Resolves with the operator that runs afterwards. */
export type Encounter = (
  operator: OperatorProcess,
  change: () => Promise<void>,
  stage: Stage,
) => Promise<OperatorProcess>;

export const ENCOUNTERS: readonly (readonly [string, Encounter])[] = [
  [
    'while the operator runs',
    async (operator, change) => {
      await change();
      return operator;
    },
  ],
  [
    'while the operator is stopped',
    async (operator, change, stage) => {
      const code = await operator.stop();
      if (code !== 0) throw new Error(`the operator ended with ${code}:\n${operator.tail()}`);
      await change();
      return stage.startOperator();
    },
  ],
  [
    'after the operator was killed',
    async (operator, change, stage) => {
      await operator.kill();
      await change();
      return stage.startOperator();
    },
  ],
];

const CONFIG_MAPS = '/api/v1/configmaps';
export const LEDGER = '/api/v1/namespaces/watchkeeper/configmaps/watchkeeper-ledger';

/** Plays the stories side by side, a step of all of them at a time. @returns how each step of each ended, by story name */
export async function play(
  stage: Stage,
  stories: readonly Story[],
  meet: Encounter,
): Promise<ReadonlyMap<string, readonly Ending[]>> {
  const all = await Promise.all(stories.map((story) => Telling.begin(stage, story)));
  let operator = await stage.startOperator();
  await Promise.all(all.map((telling) => telling.settled(undefined)));
  await quiet(stage, operator);
  const rounds = Math.max(...stories.map(({ steps }) => steps.length));
  for (let round = 0; round < rounds; round++) {
    const mark = await stage.cluster.auditMark();
    const under = all.flatMap((telling) => {
      const step = telling.story.steps[round];
      return step === undefined ? [] : [{ telling, step }];
    });
    const change = async () => {
      await Promise.all(under.map(async ({ telling, step }) => step.act(telling)));
    };
    operator = await meet(operator, change, stage);
    await Promise.all(under.map(async ({ telling, step }) => telling.settled(step.ends)));
    await quiet(stage, operator);
    const writes = await stage.writesSince(mark);
    for (const { telling } of under) {
      const own = writes.filter(({ namespace }) => namespace === telling.ns);
      telling.endings.push({ ...(await telling.look()), writes: own.length });
    }
  }
  return new Map(all.map(({ story, endings }) => [story.name, endings]));
}

class Telling implements Scene {
  readonly stage: Stage;
  readonly ns: string;
  readonly story: Story;
  readonly endings: Ending[] = [];
  readonly #paths: ReadonlyMap<string, string>;

  private constructor(stage: Stage, ns: string, story: Story, paths: ReadonlyMap<string, string>) {
    this.stage = stage;
    this.ns = ns;
    this.story = story;
    this.#paths = paths;
  }

  static async begin(stage: Stage, story: Story): Promise<Telling> {
    const ns = await stage.admin.createNamespace(story.name);
    const paths = new Map<string, string>();
    for (const manifest of story.objects(ns)) {
      await stage.admin.create(manifest);
      const path = await stage.admin.pathOf(manifest);
      paths.set(path.split('/').slice(-2).join('/'), path);
    }
    await stage.applyPolicy(story.name, story.policy(ns));
    return new Telling(stage, ns, story, paths);
  }

  async edit(spec: PolicySpec): Promise<void> {
    await this.stage.applyPolicy(this.story.name, spec);
  }

  async remove(): Promise<void> {
    await this.stage.deletePolicy(this.story.name);
  }

  async label(name: string, labels: Readonly<Record<string, string | null>>): Promise<void> {
    await this.stage.admin.patch(this.#paths.get(name) ?? name, { metadata: { labels } });
  }

  /**
   * Until the operator has said what it makes of the present policy, and the objects are as wanted; in vain when they
   * never are.
   */
  async settled(wanted: Ending | undefined): Promise<void> {
    const { admin } = this.stage;
    const { name } = this.story;
    const policy = await admin.find(`${POLICIES}/${name}`);
    if (policy === undefined) {
      const isForgotten = async () =>
        !Object.values(await ledgerOf(this.stage)).some((text) => text.includes(`"${name}"`));
      await eventually(`the end of policy ${name}`, isForgotten, Boolean);
    } else {
      await this.stage.policy(name, ({ conditions }) => {
        const compliant = conditions['Compliant'];
        return compliant !== undefined && compliant.reason !== 'Evaluating';
      });
    }
    if (wanted === undefined) return;
    const isAsWanted = (seen: Omit<Ending, 'writes'>) =>
      isDeepStrictEqual(seen.objects, wanted.objects) && isDeepStrictEqual(seen.says, wanted.says ?? []);
    // The test itself shows what is not as it should be.
    await eventually(name, async () => this.look(), isAsWanted).catch(() => {});
  }

  async look(): Promise<Omit<Ending, 'writes'>> {
    const { admin } = this.stage;
    const entries = [...this.#paths].map(async ([id, path]) => [id, keysAndOwners(await admin.get(path))] as const);
    const policy = await admin.find(`${POLICIES}/${this.story.name}`);
    const violations = policy === undefined ? [] : viewOf(policy).violations;
    return {
      objects: Object.fromEntries(await Promise.all(entries)),
      says: violations.map(({ name, message }) => `${name}: ${message}`),
    };
  }
}

/** The data of the ConfigMap that the operator keeps its records in. */
export async function ledgerOf({ admin }: Stage): Promise<Readonly<Record<string, string>>> {
  return z.record(z.string(), z.string()).parse(at(await admin.find(LEDGER), 'data') ?? {});
}

/**
 * Until the operator has seen all ConfigMaps that there are now, and has nothing left to do. Where it watches none, or
 * not all of them, it writes none.
 */
export async function quiet(stage: Stage, operator: OperatorProcess): Promise<void> {
  const ns = await stage.admin.createNamespace('marker');
  // Two: what went and was not seen going could make up for one that was not seen coming.
  for (const name of ['marker-a', 'marker-b']) {
    await stage.admin.create(configMap(ns, name));
    const { items } = await stage.admin.list(CONFIG_MAPS);
    const seen = async () => [
      await operator.metric('watchkeeper_informer_objects', 'kind="configmaps"'),
      await operator.metric('watchkeeper_informer_narrowed', 'kind="configmaps"'),
    ];
    const isSeen = ([count, narrowed]: readonly number[]) => count === 0 || count === items.length || narrowed === 1;
    await eventually('ConfigMaps seen', seen, isSeen);
  }
  await idle(operator);
}

/** Until nothing waits for evaluation or for a write. */
export async function idle(operator: OperatorProcess): Promise<void> {
  const depths = async () => [
    await operator.metric('watchkeeper_evaluation_queue_depth'),
    await operator.metric('watchkeeper_write_queue_depth'),
  ];
  await eventually('queues', depths, (all) => all.every((depth) => depth === 0));
}
