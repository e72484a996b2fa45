import { AdminError } from '../cluster/admin-error.ts';
import type { Manifest } from '../cluster/kube-object.ts';
import { POLICIES } from '../support/installation.ts';
import type { OperatorProcess } from '../support/operator-process.ts';
import type { PolicySpec, Stage } from '../support/stage.ts';
import {
  type Act,
  type Keys,
  type Kind,
  NAMESPACES,
  type NamespaceName,
  type ObjectName,
  SELECTED,
  WIDGET_GROUP,
} from './history.ts';
import { PolicyModel } from './policy-model.ts';
import { Turnstile } from './turnstile.ts';

const KIND_NAMES = { configmaps: 'ConfigMap', services: 'Service', widgets: 'Widget' } as const;

/** Keys of an object's users, by channel. */
export interface UserKeys {
  readonly labels: Map<string, string>;
  readonly annotations: Map<string, string>;
}

type PlacedSpec = PolicySpec & { readonly match: { readonly namespaces: readonly NamespaceName[] } };

/** What histories share: one operator, which any of them may restart. */
export class SharedOperator {
  readonly #stage: Stage;
  readonly #turnstile = new Turnstile();
  readonly #onRestart = new Set<() => void>();
  #process: OperatorProcess | undefined;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  get process(): OperatorProcess {
    if (this.#process === undefined) throw new Error('the operator was not started');
    return this.#process;
  }

  async start(): Promise<void> {
    this.#process = await this.#stage.startOperator({ args: ['--status-violations', '500'] });
  }

  /** Policies change only while the operator runs, so that it is known which process has seen which version. */
  async whileRunning<T>(work: () => Promise<T>): Promise<T> {
    return this.#turnstile.together(work);
  }

  async restart(how: 'Stop' | 'Kill'): Promise<void> {
    await this.#turnstile.alone(async () => {
      if (how === 'Stop') await this.process.stop();
      else await this.process.kill();
      await this.start();
      for (const tell of this.#onRestart) tell();
    });
  }

  onRestart(tell: () => void): void {
    this.#onRestart.add(tell);
  }
}

/** One history's own corner of the cluster, and what is known of its policies. */
export class World {
  readonly id: string;
  readonly policies = new Map<number, PolicyModel>();
  readonly #stage: Stage;
  readonly #operator: SharedOperator;
  readonly #users = new Map<string, UserKeys>();
  /** Objects that there are, and how many writes all that has happened may take at most. */
  #writesAtMost = 0;
  #served = false;
  #revoke: (() => Promise<void>) | undefined;

  constructor(id: string, stage: Stage, operator: SharedOperator) {
    this.id = id;
    this.#stage = stage;
    this.#operator = operator;
    operator.onRestart(() => {
      for (const policy of this.policies.values()) policy.restarted();
    });
  }

  get group(): string {
    return `${this.id}.example.com`;
  }

  /**
   * Each thing that happens may take one write of the object that it happens to, or else of every object that there is: a
   * rename takes two, but most things that happen to all objects take none.
   */
  get writesAtMost(): number {
    return this.#writesAtMost;
  }

  /** By path of each object that there should be: its users' keys that no policy writes. */
  get users(): ReadonlyMap<string, UserKeys> {
    return this.#users;
  }

  namespace(name: NamespaceName): string {
    return `${this.id}-${name}`;
  }

  collection(kind: Kind, namespace: NamespaceName): string {
    const root = kind === 'widgets' ? `/apis/${this.group}/v1` : '/api/v1';
    return `${root}/namespaces/${this.namespace(namespace)}/${kind}`;
  }

  async begin(): Promise<void> {
    for (const name of NAMESPACES) {
      await this.#stage.admin.create({
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name: this.namespace(name), labels: { cost: 'a' } },
      });
    }
    await this.#grant(true);
  }

  /** The final state has all rights: without them there is none to compare. */
  async end(): Promise<void> {
    await this.#grant(true);
  }

  async clear(): Promise<void> {
    const { admin } = this.#stage;
    await this.#revoke?.();
    await Promise.all([...this.#users.keys()].map(async (path) => admin.delete(path)));
    if (this.#served) await admin.delete(this.#crdPath);
    for (const slot of this.policies.keys()) await admin.delete(`${POLICIES}/${this.#policyName(slot)}`);
  }

  async play(act: Act): Promise<void> {
    await this.#play(act);
    this.#writesAtMost += 'object' in act ? 1 : this.#users.size;
  }

  async #play(act: Act): Promise<void> {
    switch (act.do) {
      case 'policy':
        return this.#applyPolicy(act.slot, this.#placed(act.spec));
      case 'spoil': {
        const spec = this.policies.get(act.slot)?.version.spec;
        // A key that is never written: the API server does not know, the operator does.
        const rules = [{ name: 'r0', set: { labels: [{ key: 'pod-template-hash', value: 'x' }] } }];
        return spec === undefined ? undefined : this.#applyPolicy(act.slot, { ...spec, rules });
      }
      case 'mode': {
        const spec = this.policies.get(act.slot)?.version.spec;
        return spec === undefined ? undefined : this.#applyPolicy(act.slot, { ...spec, mode: act.mode });
      }
      case 'unpolicy':
        return this.#deletePolicy(act.slot);
      case 'create':
        return this.#create(act.object, act);
      case 'edit':
        return this.#edit(act);
      case 'resize':
        return act.object.kind === 'widgets' ? this.#patch(act.object, { spec: { size: act.size } }) : undefined;
      case 'delete':
        return this.#ifThere(act.object, async (path) => {
          await this.#stage.admin.delete(path);
          this.#users.delete(path);
        });
      case 'namespace': {
        const path = `/api/v1/namespaces/${this.namespace(act.namespace)}`;
        await this.#stage.admin.patch(path, { metadata: { [act.channel]: { [act.key]: act.value } } });
        return undefined;
      }
      case 'crd':
        return act.served ? this.#serve() : this.#unserve();
      case 'right':
        return this.#grant(act.granted);
      case 'restart':
        return this.#operator.restart(act.how);
    }
  }

  // ---- Policies ----------------------------------------------------------------------------------------------------

  #policyName(slot: number): string {
    return `${this.id}-p${slot}`;
  }

  #placed(spec: PolicySpec): PolicySpec {
    const text = JSON.stringify(spec).replaceAll(WIDGET_GROUP, this.group);
    const placed = JSON.parse(text) as PlacedSpec;
    return {
      ...placed,
      match: { ...placed.match, namespaces: placed.match.namespaces.map((name) => this.namespace(name)) },
    };
  }

  async #applyPolicy(slot: number, spec: PolicySpec): Promise<void> {
    await this.#operator.whileRunning(async () => {
      const name = this.#policyName(slot);
      await this.#stage.applyPolicy(name, spec);
      const { metadata } = await this.#stage.admin.get(`${POLICIES}/${name}`);
      const version = { name, uid: metadata.uid, generation: metadata.generation, spec };
      const known = this.policies.get(slot);
      if (known === undefined) this.policies.set(slot, new PolicyModel(version));
      else known.edited(version);
      // Of two versions that come together only the later one is ever seen.
      await this.#stage.policy(name, ({ generation }) => generation === version.generation);
    });
  }

  async #deletePolicy(slot: number): Promise<void> {
    if (!this.policies.has(slot)) return;
    await this.#operator.whileRunning(async () => {
      await this.#stage.admin.delete(`${POLICIES}/${this.#policyName(slot)}`);
      this.policies.delete(slot);
    });
  }

  // ---- Objects -----------------------------------------------------------------------------------------------------

  #path({ kind, namespace, name }: ObjectName): string {
    return `${this.collection(kind, namespace)}/${name}`;
  }

  async #create(object: ObjectName, { keys, size }: Extract<Act, { do: 'create' }>): Promise<void> {
    if (object.kind === 'widgets' && !this.#served) return;
    // By apply: the first POST of a new kind is held back by the API server for two seconds.
    const path = this.#path(object);
    if ((await this.#stage.admin.find(path)) !== undefined) return;
    await this.#stage.admin.apply(this.#manifest(object, keys, size));
    this.#users.set(path, { labels: selectedOf(keys.labels), annotations: selectedOf(keys.annotations) });
  }

  #manifest({ kind, namespace, name }: ObjectName, keys: Keys, size: number): Manifest {
    const metadata = { namespace: this.namespace(namespace), name, ...keys };
    const kindName = KIND_NAMES[kind];
    if (kind === 'widgets') return { apiVersion: `${this.group}/v1`, kind: kindName, metadata, spec: { size } };
    // Headless: addresses for services are few.
    if (kind === 'services') return { apiVersion: 'v1', kind: kindName, metadata, spec: { clusterIP: 'None' } };
    return { apiVersion: 'v1', kind: kindName, metadata, data: { a: 'b' } };
  }

  async #edit({ object, channel, key, value }: Extract<Act, { do: 'edit' }>): Promise<void> {
    await this.#ifThere(object, async (path) => {
      await this.#stage.admin.patch(path, { metadata: { [channel]: { [key]: value } } });
      const users = this.#users.get(path);
      if (users === undefined || !SELECTED.includes(key)) return;
      if (value === null) users[channel].delete(key);
      else users[channel].set(key, value);
    });
  }

  async #patch(object: ObjectName, patch: object): Promise<void> {
    await this.#ifThere(object, async (path) => this.#stage.admin.patch(path, patch));
  }

  async #ifThere(object: ObjectName, work: (path: string) => Promise<unknown>): Promise<void> {
    if (object.kind === 'widgets' && !this.#served) return;
    try {
      await work(this.#path(object));
    } catch (error) {
      if (!(error instanceof AdminError && error.status === 404)) throw error;
    }
  }

  // ---- Kinds and rights --------------------------------------------------------------------------------------------

  get #crdPath(): string {
    return `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.${this.group}`;
  }

  async #serve(): Promise<void> {
    if (this.#served) return;
    await this.#stage.admin.apply(widgetCrd(this.group));
    await this.#stage.admin.waitForCrd(`widgets.${this.group}`);
    this.#served = true;
  }

  async #unserve(): Promise<void> {
    if (!this.#served) return;
    await this.#stage.admin.delete(this.#crdPath);
    await this.#stage.admin.waitForGone(this.#crdPath);
    this.#served = false;
    for (const path of this.#users.keys()) if (path.includes(this.group)) this.#users.delete(path);
  }

  async #grant(granted: boolean): Promise<void> {
    if (granted) this.#revoke ??= await this.#stage.grant(this.group, ['widgets']);
    else {
      await this.#revoke?.();
      this.#revoke = undefined;
    }
  }
}

export function selectedOf(keys: Readonly<Record<string, string>>): Map<string, string> {
  return new Map(Object.entries(keys).filter(([key]) => SELECTED.includes(key)));
}

function widgetCrd(group: string): Manifest & { readonly spec: object } {
  const schema = {
    openAPIV3Schema: {
      type: 'object',
      properties: { spec: { type: 'object', properties: { size: { type: 'integer' } } } },
    },
  };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `widgets.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { kind: 'Widget', plural: 'widgets' },
      versions: [
        { name: 'v1', served: true, storage: true, schema },
        { name: 'v1beta1', served: true, storage: false, schema },
      ],
    },
  };
}
