import { type CachedObject, type KeySet, MANAGER, RETAINED_MANAGER } from '../../src/api/object.ts';
import type { Channel } from '../../src/policy/program.ts';
import { cachedObject } from './cached-object.ts';

const CHANNELS: readonly Channel[] = ['labels', 'annotations'];

interface Key {
  readonly value: string;
  /** Field managers; nobody owns what came by no apply. */
  readonly owners: ReadonlySet<string>;
}

/**
 * Labels and annotations of one object as the API server keeps them under server-side apply: each key has a value and the
 * managers that own it. Immutable.
 */
export class ModelObject {
  readonly #keys: Readonly<Record<Channel, ReadonlyMap<string, Key>>>;
  readonly #fields: Partial<CachedObject>;
  readonly #version: number;

  constructor(
    keys: Readonly<Record<Channel, ReadonlyMap<string, Key>>> = { labels: new Map(), annotations: new Map() },
    fields: Partial<CachedObject> = {},
    version = 1,
  ) {
    this.#keys = keys;
    this.#fields = fields;
    this.#version = version;
  }

  get(channel: Channel, key: string): Key | undefined {
    return this.#keys[channel].get(key);
  }

  /** `channel key` of all keys. */
  *keys(): Generator<readonly [Channel, string, Key]> {
    for (const channel of CHANNELS) for (const [key, state] of this.#keys[channel]) yield [channel, key, state];
  }

  /** Somebody else writes a key: whoever owned it with another value owns it no more. */
  updatedBy(manager: string, channel: Channel, key: string, value: string): ModelObject {
    const before = this.get(channel, key);
    const others = before?.value === value ? before.owners : new Set<string>();
    const keys = new Map(this.#keys[channel]).set(key, { value, owners: new Set([...others, manager]) });
    return this.#with({ ...this.#keys, [channel]: keys });
  }

  /** Somebody removes keys, whoever owns them. */
  without(keys: Readonly<Record<Channel, ReadonlySet<string>>>): ModelObject {
    const kept = (channel: Channel) => new Map([...this.#keys[channel]].filter(([key]) => !keys[channel].has(key)));
    return this.#with({ labels: kept('labels'), annotations: kept('annotations') });
  }

  /** A forced server-side apply of the whole set of keys that the manager is to own. */
  applied(manager: string, wanted: Readonly<Record<Channel, ReadonlyMap<string, string>>>): ModelObject {
    const next = { labels: new Map<string, Key>(), annotations: new Map<string, Key>() };
    for (const channel of CHANNELS) {
      for (const [key, { value, owners }] of this.#keys[channel]) {
        const others = new Set([...owners].filter((owner) => owner !== manager));
        // A key goes with its last owner.
        if (!owners.has(manager) || others.size > 0) next[channel].set(key, { value, owners: others });
      }
      for (const [key, value] of wanted[channel]) {
        const before = next[channel].get(key);
        const others = before?.value === value ? before.owners : [];
        next[channel].set(key, { value, owners: new Set([...others, manager]) });
      }
    }
    return this.#with(next);
  }

  /** As a watch would show it. */
  get cached(): CachedObject {
    const values = (channel: Channel) =>
      Object.fromEntries([...this.#keys[channel]].map(([key, { value }]) => [key, value]));
    return cachedObject({
      name: 'x',
      ...this.#fields,
      resourceVersion: String(this.#version),
      labels: values('labels'),
      annotations: values('annotations'),
      applied: this.#ownedBy(MANAGER),
      retained: this.#ownedBy(RETAINED_MANAGER),
    });
  }

  #ownedBy(manager: string): KeySet {
    const owned = (channel: Channel) =>
      [...this.#keys[channel]].flatMap(([key, { owners }]) => (owners.has(manager) ? [key] : [])).toSorted();
    return { labels: owned('labels'), annotations: owned('annotations') };
  }

  #with(keys: Readonly<Record<Channel, ReadonlyMap<string, Key>>>): ModelObject {
    return new ModelObject(keys, this.#fields, this.#version + 1);
  }
}
