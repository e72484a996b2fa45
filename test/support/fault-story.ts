import { eventually } from '../cluster/eventually.ts';
import type { Manifest } from '../cluster/kube-object.ts';
import type { FaultProxy } from '../faults/proxy.ts';
import type { PolicySpec } from './installation.ts';
import { leads } from './leads.ts';
import { type OperatorArguments, OperatorProcess } from './operator-process.ts';
import type { Stage } from './stage.ts';
import type { StoryEnd } from './story-end.ts';

/** What happens to some objects and policies that nobody else is about, whatever else goes wrong meanwhile. */
export interface FaultStory {
  /** Made before the operator starts, in this order. */
  readonly objects: (ns: string) => readonly Manifest[];
  /** Further collections whose objects belong to the story, such as those of a kind that a step makes: paths. */
  readonly collections?: (ns: string) => readonly string[];
  readonly steps: readonly Step[];
  /** Whether all is done that the steps ask of the operator; what is still wrong then, the comparison shows. */
  readonly settled: (end: StoryEnd) => boolean;
}

export interface Step {
  readonly act: (scene: Scene) => Promise<unknown>;
  /** What is waited for before the next step. */
  readonly until?: (end: StoryEnd) => boolean;
}

/** How each operator of a story is started. */
export type OperatorFlags = Pick<OperatorArguments, 'args' | 'nodeFlags'>;

/** Where a telling of a story is: its own namespace, its own policies, and the operator, which goes through the proxy. */
export class Scene {
  readonly stage: Stage;
  readonly proxy: FaultProxy;
  /** Also the beginning of the names of all that is cluster-wide. */
  readonly ns: string;
  readonly #launch: (identity: string) => OperatorProcess;
  #operator: OperatorProcess | undefined;
  #standby: OperatorProcess | undefined;
  #replicas = 0;
  #restarting: Promise<void> | undefined;

  constructor(stage: Stage, proxy: FaultProxy, kubeconfig: string, ns: string, flags: OperatorFlags = {}) {
    this.stage = stage;
    this.proxy = proxy;
    this.ns = ns;
    this.#launch = (identity) => OperatorProcess.launch({ kubeconfig, identity, ...flags });
  }

  /** The one that runs now, or ran last; of two, the one that leads. */
  get operator(): OperatorProcess {
    if (this.#operator === undefined) throw new Error('the operator was not started yet');
    return this.#operator;
  }

  /** The one beside it that does not lead. */
  get standby(): OperatorProcess {
    if (this.#standby === undefined) throw new Error('nobody stands by');
    return this.#standby;
  }

  /** Starts an operator, which takes the Lease of the one before it at once; resolves when it is ready. */
  async start(): Promise<void> {
    this.#operator = this.#launch('operator');
    await this.#operator.ready();
  }

  /** Starts another one that stands by; resolves when it knows all that the one that leads does. */
  async standBy(): Promise<void> {
    this.#replicas += 1;
    this.#standby = this.#launch(`standby-${this.#replicas}`);
    await this.#standby.ready();
  }

  /** Until the one that stood by leads. Then it is the operator; the one that led is who stands by, if it lives. */
  async takenOver(): Promise<void> {
    const next = this.standby;
    await leads(next);
    [this.#operator, this.#standby] = [next, this.#operator];
  }

  /** Ends it in peace, after whoever stands by, so that nobody takes over; resolves to its exit code. */
  async stop(): Promise<number | undefined> {
    await this.#standby?.kill();
    return this.operator.stop();
  }

  /** Until a restart that is under way has ended. */
  async ready(): Promise<void> {
    await this.#restarting;
  }

  /**
   * Until the operator knows that what it wrote is written. Whatever cuts its connections as a step begins would take the last
   * answer with it, and the write would be made once more.
   */
  async answered(): Promise<void> {
    const underWay = () => this.operator.metric('watchkeeper_writes_in_flight');
    await eventually('answers', underWay, (count) => count === 0);
  }

  /** Kills it; resolves when it is dead, and another one is being started. */
  async replace(): Promise<void> {
    const dead = this.kill();
    this.#restarting = dead.then(async () => this.start());
    // Told to whoever asks for `ready`.
    this.#restarting.catch(() => {});
    await dead;
  }

  /** SIGKILL, to all that run. The proxy drops their connections. */
  async kill(): Promise<void> {
    await Promise.all([this.#standby?.kill(), this.#operator?.kill()]);
    this.proxy.disconnect();
  }

  /** Of an object in the story's namespace: `path('configmaps', 'a')`. */
  path(resource: string, name: string, root = '/api/v1'): string {
    return `${root}/namespaces/${this.ns}/${resource}/${name}`;
  }

  policyName(name: string): string {
    return `${this.ns}-${name}`;
  }

  async applyPolicy(name: string, spec: PolicySpec): Promise<void> {
    await this.stage.applyPolicy(this.policyName(name), spec);
  }

  async deletePolicy(name: string): Promise<void> {
    await this.stage.deletePolicy(this.policyName(name));
  }

  /** A change by hand. */
  async patch(path: string, metadata: Readonly<Record<string, unknown>>): Promise<void> {
    await this.stage.admin.patch(path, { metadata });
  }
}

/**
 * How something that happens meets its trouble: has to call `change` once. That starts the operator (`at` is 0), or is what the
 * step does (1 for the first one). It resolves when the trouble is over, or is to last.
 */
export type Fault = (scene: Scene, change: () => Promise<void>, at: number) => Promise<void>;

export const UNDISTURBED: Fault = async (_scene, change) => change();
