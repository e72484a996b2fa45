import type { Admin } from '../cluster/api.ts';
import { PolicyModel } from '../differential/policy-model.ts';
import { type Installation, POLICIES, type PolicySpec } from '../support/installation.ts';
import { CRDS, crdName, type SmallKind, smallCrd } from '../support/small-crd.ts';
import type { Dice } from './dice.ts';
import { COLOURS, CUSTOM, collectionOf, manifestOf, NAMESPACES, type Place, POLICY_SPECS, placesOf } from './kinds.ts';

/** How long an object is left alone after an edit, in milliseconds: more than three in a minute would be a fight. */
const EDIT_GAP_MS = 45_000;
const APPLY = { 'content-type': 'application/apply-patch+yaml' };

interface Slot extends Place {
  /** Of the object that is there, or will be. */
  object: string;
  editedAt: number;
}

/**
 * Objects, policies, CRDs and rights that change all the time, and are the same in number and kind after each `restore`. What
 * fails while they change is no matter: the server may be away.
 */
export class Population {
  readonly #stage: Installation;
  readonly #admin: Admin;
  readonly #dice: Dice;
  readonly #slots: readonly Slot[];
  readonly #revoke = new Map<SmallKind, () => Promise<void>>();
  readonly #counts = new Map<string, number>();
  #generation = 0;

  constructor(stage: Installation, dice: Dice, perNamespace: number) {
    this.#stage = stage;
    this.#admin = stage.admin;
    this.#dice = dice;
    this.#slots = placesOf({ perNamespace }).map((place) => ({ ...place, object: place.name, editedAt: -EDIT_GAP_MS }));
  }

  /** What was done, by its name. */
  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  get objects(): number {
    return this.#slots.length;
  }

  /** One change of something. */
  async change(): Promise<void> {
    const roll = this.#dice.random();
    const slot = this.#dice.one(this.#slots);
    const [what, work] =
      roll < 0.35
        ? (['drift', async () => this.#drift(slot)] as const)
        : roll < 0.6
          ? (['delete', async () => this.#admin.delete(this.#pathOf(slot))] as const)
          : roll < 0.93
            ? (['create', async () => this.#put(slot)] as const)
            : roll < 0.97
              ? (['policy', async () => this.#changePolicy()] as const)
              : roll < 0.98
                ? (['namespace', async () => this.#changeNamespace()] as const)
                : roll < 0.99
                  ? (['CRD', async () => this.#changeCrd()] as const)
                  : (['right', async () => this.#changeRight()] as const);
    await this.#try(what, work);
  }

  /** Everything is there again, and is one whole. The server must answer. */
  async restore(): Promise<void> {
    for (const name of NAMESPACES) {
      const metadata = { name, labels: { cost: this.#dice.one(COLOURS) }, annotations: { 'acme.io/unit': 'a' } };
      await this.#admin.apply({ apiVersion: 'v1', kind: 'Namespace', metadata }, { force: true });
    }
    for (const kind of CUSTOM) {
      if (!this.#revoke.has(kind)) this.#revoke.set(kind, await this.#stage.grant(kind.group, [kind.plural]));
      await this.#gone(kind);
      await this.#admin.apply(smallCrd(kind), { force: true });
    }
    for (const kind of CUSTOM) await this.#admin.waitForCrd(crdName(kind), { timeoutMs: 60_000 });
    for (const name of Object.keys(POLICY_SPECS)) await this.#applyPolicy(name);
    const collections = Map.groupBy(this.#slots, collectionOf);
    for (const [collection, slots] of collections) {
      const wanted = new Set(slots.map(({ object }) => object));
      const there = new Set((await this.#admin.list(collection)).items.map(({ metadata }) => metadata.name));
      there.delete('kube-root-ca.crt');
      for (const name of there) if (!wanted.has(name)) await this.#admin.delete(`${collection}/${name}`);
      for (const slot of slots) if (!there.has(slot.object)) await this.#put(slot);
    }
  }

  /** As they stand on the server. */
  async policies(): Promise<readonly PolicyModel[]> {
    const { items } = await this.#admin.list(POLICIES);
    return items.map(({ metadata: { name, uid, generation }, ...rest }) => {
      return new PolicyModel({ name, uid, generation, spec: (rest as { readonly spec?: PolicySpec }).spec ?? {} });
    });
  }

  async #try(what: string, work: () => Promise<unknown>): Promise<void> {
    let result = what;
    try {
      await work();
    } catch {
      result = 'refused';
    }
    this.#counts.set(result, (this.#counts.get(result) ?? 0) + 1);
  }

  #pathOf(slot: Slot): string {
    return `${collectionOf(slot)}/${slot.object}`;
  }

  /** By apply: the first POST of a new kind is held back by the API server for two seconds. */
  async #put(slot: Slot): Promise<void> {
    if (this.#dice.chance(0.5) && (await this.#admin.find(this.#pathOf(slot))) === undefined) {
      this.#generation += 1;
      slot.object = `${slot.name}-${this.#generation}`;
    }
    const manifest = manifestOf(slot, slot.object, this.#dice);
    await this.#admin.json('PATCH', `${this.#pathOf(slot)}?fieldManager=soak&force=true`, manifest, APPLY);
  }

  async #drift(slot: Slot): Promise<void> {
    const now = performance.now();
    if (now - slot.editedAt < EDIT_GAP_MS) return;
    slot.editedAt = now;
    const dice = this.#dice;
    const labels = dice.one([
      { team: 'mine', env: 'mine' },
      { team: null, env: null, tier: null },
      { owner: dice.chance(0.5) ? `u-${dice.number(1e6)}` : null },
      { 'legacy/a': 'x', 'legacy/b': 'y' },
      { 'acme.io/cost': null, other: `o-${dice.number(1e6)}` },
    ]);
    await this.#admin.patch(this.#pathOf(slot), { metadata: { labels } });
  }

  async #changePolicy(): Promise<void> {
    const name = this.#dice.one(Object.keys(POLICY_SPECS));
    const roll = this.#dice.random();
    if (roll < 0.2) await this.#admin.delete(`${POLICIES}/${name}`);
    else if (roll < 0.35) await this.#admin.patch(`${POLICIES}/${name}`, { spec: { mode: 'Suspended' } });
    else if (roll < 0.5) {
      // The API server does not know that this key is never written; the operator does.
      const rules = [{ name: 'spoilt', set: { labels: [{ key: 'pod-template-hash', value: 'x' }] } }];
      await this.#admin.patch(`${POLICIES}/${name}`, { spec: { rules } });
    } else await this.#applyPolicy(name);
  }

  async #applyPolicy(name: string): Promise<void> {
    const spec = POLICY_SPECS[name]?.(this.#dice.one(COLOURS));
    if (spec === undefined) throw new Error(`there is no policy ${name}`);
    const path = `${POLICIES}/${name}`;
    const known = await this.#admin.find(path);
    // As a whole: an apply would leave the fields in place that a patch has put there. And whatever its version, as the operator
    // writes the status meanwhile.
    if (known === undefined) await this.#stage.applyPolicy(name, spec);
    else await this.#admin.patch(path, [{ op: 'replace', path: '/spec', value: spec }], 'json');
  }

  async #changeNamespace(): Promise<void> {
    const metadata = {
      labels: { cost: this.#dice.one([...COLOURS, null]) },
      annotations: { 'acme.io/unit': this.#dice.one(COLOURS) },
    };
    await this.#admin.patch(`/api/v1/namespaces/${this.#dice.one(NAMESPACES)}`, { metadata });
  }

  async #changeCrd(): Promise<void> {
    const kind = this.#dice.one(CUSTOM);
    const path = `${CRDS}/${crdName(kind)}`;
    if ((await this.#admin.find(path)) === undefined) await this.#admin.apply(smallCrd(kind), { force: true });
    else await this.#admin.delete(path);
  }

  async #changeRight(): Promise<void> {
    const kind = this.#dice.one(CUSTOM);
    const revoke = this.#revoke.get(kind);
    if (revoke === undefined) this.#revoke.set(kind, await this.#stage.grant(kind.group, [kind.plural]));
    else {
      this.#revoke.delete(kind);
      await revoke();
    }
  }

  /** A CRD that is being deleted cannot be kept. */
  async #gone(kind: SmallKind): Promise<void> {
    const path = `${CRDS}/${crdName(kind)}`;
    const crd = await this.#admin.find(path);
    if (crd?.metadata.deletionTimestamp !== undefined) await this.#admin.waitForGone(path, { timeoutMs: 60_000 });
  }
}
