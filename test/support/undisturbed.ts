import { afterEach, expect } from 'vitest';
import { AdminError } from '../cluster/admin-error.ts';
import { eventually } from '../cluster/eventually.ts';
import { type Proxied, useFaultProxy } from './fault-proxy.ts';
import { type Fault, type FaultStory, type OperatorFlags, Scene, UNDISTURBED } from './fault-story.ts';
import { operatorTails } from './operator-process.ts';
import { countWrites, type OwnWrite, type OwnWrites, ownWrites, WRITE_CLASSES } from './own-writes.ts';
import { LEDGER, quiet } from './policy-story.ts';
import { type Stage, useStage } from './stage.ts';
import { type StoryEnd, storyEnd } from './story-end.ts';

/** What came of a telling of a story. */
export interface Telling {
  readonly ns: string;
  readonly end: StoryEnd;
  readonly writes: OwnWrites;
  readonly log: readonly OwnWrite[];
  /**
   * How often each object, policy and the ledger were changed, by whomever, since they were made: by key in etcd, `NS`
   * for the namespace.
   */
  readonly changes: Readonly<Record<string, number>>;
}

/** The same story twice: as if nothing were wrong, and with a fault. */
export interface Comparison {
  readonly undisturbed: Telling;
  readonly disturbed: Telling;
}

/** In etcd. */
export const LEDGER_KEY = '/registry/configmaps/watchkeeper/watchkeeper-ledger';

/** Where stories are told: a cluster with Watchkeeper, and a proxy through which every operator goes. */
export class Theatre {
  readonly #stage: Stage;
  readonly #proxied: Proxied;
  readonly #flags: OperatorFlags;
  readonly #undisturbed = new Map<FaultStory, Promise<Telling>>();

  constructor(stage: Stage, proxied: Proxied, flags: OperatorFlags = {}) {
    this.#stage = stage;
    this.#proxied = proxied;
    this.#flags = flags;
  }

  /** How the story goes when nothing is wrong; told once. */
  undisturbed(story: FaultStory): Promise<Telling> {
    const known = this.#undisturbed.get(story) ?? this.tell(story, UNDISTURBED);
    this.#undisturbed.set(story, known);
    return known;
  }

  async compare(story: FaultStory, fault: Fault): Promise<Comparison> {
    return { undisturbed: await this.undisturbed(story), disturbed: await this.tell(story, fault) };
  }

  /**
   * Tells the story in a namespace of its own, until all is settled and the operator has written what was due; leaves
   * nothing behind.
   */
  async tell(story: FaultStory, fault: Fault): Promise<Telling> {
    const { admin, cluster } = this.#stage;
    const { proxy, kubeconfig } = this.#proxied;
    const ns = await admin.createNamespace('told');
    const scene = new Scene(this.#stage, proxy, kubeconfig, ns, this.#flags);
    const paths = new Set(story.collections?.(ns));
    try {
      // What a test has left on objects would be put on record in this one. Before its own are there.
      await this.#stage.sweepIfLeft('/api/v1/namespaces', '/api/v1/configmaps');
      for (const manifest of story.objects(ns)) {
        await admin.create(manifest);
        const path = await admin.pathOf(manifest);
        paths.add(manifest.metadata.namespace === undefined ? path : path.slice(0, path.lastIndexOf('/')));
      }
      // What another story has left in it would be forgotten in this one.
      await this.#delete(LEDGER);
      const mark = await cluster.auditMark();
      const look = () => storyEnd(this.#stage, ns, paths);
      await fault(scene, () => scene.start(), 0);
      for (const [i, { act, until }] of story.steps.entries()) {
        await scene.ready();
        await fault(scene, async () => void (await act(scene)), i + 1);
        if (until !== undefined) await eventually(`the end of step ${i + 1}`, look, until);
      }
      await eventually('the end of the story', look, story.settled);
      await this.#quiet(scene);
      // Counts in a status that would still wait are written as it ends.
      const code = await scene.stop();
      if (code !== 0) throw new Error(`the operator ended with ${code}:\n${scene.operator.tail()}`);
      const [end, entries] = [await look(), await cluster.entriesSince(mark)];
      const log = ownWrites(entries, ns);
      return { ns, end, writes: countWrites(log), log, changes: await this.#changes(ns) };
    } catch (error) {
      process.stderr.write(`${operatorTails()}\n`);
      throw error;
    } finally {
      proxy.clear();
      await scene.kill();
      await this.#clear(paths);
    }
  }

  /** Until nothing is left to do. One that is killed meanwhile is no witness; who takes its place is. */
  async #quiet(scene: Scene): Promise<void> {
    for (;;) {
      await scene.ready();
      const { operator } = scene;
      const [end] = await Promise.allSettled([quiet(this.#stage, operator)]);
      await scene.ready();
      if (scene.operator !== operator) continue;
      if (end.status === 'rejected') throw end.reason;
      return;
    }
  }

  async #changes(ns: string): Promise<Telling['changes']> {
    const all = [...(await this.#stage.cluster.changes())].map(
      ([key, count]) => [key.replace(ns, 'NS'), count] as const,
    );
    return Object.fromEntries(
      all.filter(([key]) => key === LEDGER_KEY || (key.includes('/NS') && !key.includes('/events/'))),
    );
  }

  async #clear(paths: Iterable<string>): Promise<void> {
    for (const path of paths) await this.#delete(path);
    await this.#stage.clear();
  }

  async #delete(path: string): Promise<void> {
    await this.#stage.admin.delete(path).catch((error: unknown) => {
      if (!(error instanceof AdminError)) throw error;
    });
  }
}

/** A theatre on the shared control plane for all tests of a file, in which each operator is started with these flags. */
export function useTheatre(stage: () => Stage = useStage(), flags: OperatorFlags = {}): () => Theatre {
  const proxied = useFaultProxy(stage);
  let theatre: Theatre | undefined;
  afterEach(() => proxied().proxy.disconnect());
  return () => {
    theatre ??= new Theatre(stage(), proxied(), flags);
    return theatre;
  };
}

/**
 * Statuses and Events are gathered for a moment before they are written, so a slow machine makes a few of what a fast one makes
 * one of; and Events that wait when the operator ends are not sent. To be given to `expectUndisturbed`.
 */
export const PACE = { status: 3, events: 3 } as const;

export interface Allowance extends Partial<OwnWrites> {
  /** Of one object, whoever changed it. Default none. */
  readonly each?: number;
}

/**
 * The end is the same, and so are the numbers of writes. Where a fault may cost more writes, or spare some, `more` says how many
 * more of a class there may be at most; the test says why.
 */
export function expectUndisturbed({ undisturbed, disturbed }: Comparison, more: Allowance = {}): void {
  expect(disturbed.end).toEqual(undisturbed.end);
  const changes = objectChanges(undisturbed);
  const spared = Object.entries(objectChanges(disturbed)).map(([key, count]) => {
    const surplus = count - (changes[key] ?? 0);
    return [key, count - Math.max(0, Math.min(more.each ?? 0, surplus))];
  });
  expect(Object.fromEntries(spared)).toEqual(changes);
  for (const name of WRITE_CLASSES) {
    const [before, after] = [undisturbed.writes[name], disturbed.writes[name]];
    const bound = boundOf(name, more, undisturbed);
    const isFine = bound === undefined ? after === before : after <= before + bound;
    if (!isFine)
      expect.fail(
        `${name}: ${after} writes, undisturbed ${before}, at most ${bound ?? 0} more allowed. Undisturbed:\n${lines(undisturbed)}\nDisturbed:\n${lines(disturbed)}`,
      );
  }
}

/**
 * Nothing was refused but statuses: one that is written while somebody replaces the spec is about a version that is gone, and is
 * made anew.
 */
export function expectStatusesRefused(log: readonly OwnWrite[]): void {
  const refusals = log.filter(({ kind }) => kind === 'refused');
  expect(refusals.filter(({ line }) => !/ patch \S+\/watchpolicies\/\S+\/status\S* 409 /.test(line))).toEqual([]);
}

function lines({ log }: Telling): string {
  return log.map(({ kind, line }) => `${kind}: ${line}`).join('\n');
}

/** Undefined: just as many. One refusal fewer than in the undisturbed run, where two writes may have met by chance, is no fault. */
function boundOf(name: keyof OwnWrites, more: Allowance, undisturbed: Telling): number | undefined {
  if (name === 'ledger') return (more.ledger ?? 0) + apart(undisturbed);
  return name === 'refused' ? (more.refused ?? 0) : more[name];
}

/** The records of several policies are one write of the ledger, or each is one, as they come. */
function apart({ end }: Telling): number {
  return Math.max(0, end.ledger.policies.length - 1);
}

/** Of the story's own objects: how often policies and the ledger change depends on the moment. */
function objectChanges({ changes }: Telling): Telling['changes'] {
  return Object.fromEntries(
    Object.entries(changes).filter(([key]) => key !== LEDGER_KEY && !key.includes('/watchpolicies/')),
  );
}
