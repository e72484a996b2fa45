import type { ObjectKey } from '../api/object.ts';
import { dropOldest } from '../base/bounded.ts';
import type { Clock } from '../base/clock.ts';
import { WriteGate } from './write-gate.ts';

export interface RightGatesOptions {
  readonly clock: Clock;
  readonly random?: (() => number) | undefined;
  /** Lets one object go on to be written. */
  readonly release: (key: ObjectKey) => void;
  /** The right is missing in other namespaces than before. */
  readonly onChange: () => void;
}

/** Where so many namespaces lack the right and none is known to have it, the others are taken to lack it too. */
const PRESUMED_FROM = 8;
/** So many namespaces with the right are remembered: one is enough to know that it is there somewhere. */
const MOST_ALLOWED = 64;
/** That many namespaces each try as often as one alone would; more of them share what these may do. */
const FULL_PACE = 64;

/**
 * Where the right to write a kind is missing. It can be given in each namespace by itself, so a namespace without it holds back
 * nothing but its own objects; '' is the namespace of cluster-scoped ones.
 */
export class RightGates {
  readonly #options: RightGatesOptions;
  /** Of the namespaces without the right. */
  readonly #gates = new Map<string, WriteGate>();
  /** Where a write got as far as the object itself: the last few, as namespaces come and go. */
  readonly #allowed = new Set<string>();

  constructor(options: RightGatesOptions) {
    this.#options = options;
  }

  /** The namespaces without the right. */
  missing(): IterableIterator<string> {
    return this.#gates.keys();
  }

  /** Whether some namespace is known to have it. */
  get isThereSomewhere(): boolean {
    return this.#allowed.size > 0;
  }

  admits(key: ObjectKey): boolean {
    const gate = this.#gates.get(namespaceOf(key));
    return gate === undefined ? !this.#isPresumedMissing(namespaceOf(key)) : gate.admits(key);
  }

  isTrying(key: ObjectKey): boolean {
    return this.#gates.get(namespaceOf(key))?.isTrying(key) === true;
  }

  /** The write of this object, which tried, found out nothing about the right. */
  again(key: ObjectKey): void {
    this.#gates.get(namespaceOf(key))?.again(key);
  }

  /** The object is to be written once the right is there. */
  wait(key: ObjectKey): void {
    const gate = this.#gates.get(namespaceOf(key));
    if (gate !== undefined) gate.wait(key);
    else if (this.#isPresumedMissing(namespaceOf(key))) this.close(key);
  }

  /** The write of this object failed for want of the right. */
  close(key: ObjectKey): void {
    const namespace = namespaceOf(key);
    this.#allowed.delete(namespace);
    const gate = this.#gates.get(namespace) ?? this.#gateOf(namespace);
    // Behind the others, which have their turn first.
    this.#gates.delete(namespace);
    this.#gates.set(namespace, gate);
    gate.close(key, { cause: 'MissingRight', message: '' });
  }

  /** The write of this object got as far as the object itself: the right is there. */
  open(key: ObjectKey): void {
    const namespace = namespaceOf(key);
    this.#allow(namespace);
    const gate = this.#gates.get(namespace);
    if (gate === undefined) return;
    gate.open();
    // What gave it here may have given it elsewhere: one other finds out, and if it is right, the next.
    for (const other of this.#gates.values()) {
      other.tryNow();
      return;
    }
  }

  /** The object needs no write. */
  settled(key: ObjectKey): void {
    this.#gates.get(namespaceOf(key))?.settled(key);
  }

  /** For good; leaves no timer. */
  stop(): void {
    for (const gate of this.#gates.values()) gate.stop();
    this.#gates.clear();
  }

  #allow(namespace: string): void {
    this.#allowed.add(namespace);
    dropOldest(this.#allowed, MOST_ALLOWED);
  }

  #isPresumedMissing(namespace: string): boolean {
    return this.#gates.size >= PRESUMED_FROM && this.#allowed.size === 0 && !this.#gates.has(namespace);
  }

  #gateOf(namespace: string): WriteGate {
    const { clock, random, release, onChange } = this.#options;
    return new WriteGate({
      clock,
      random,
      release,
      stretch: () => Math.max(1, this.#gates.size / FULL_PACE),
      onChange: (reason) => {
        if (reason === undefined) this.#gates.delete(namespace);
        onChange();
      },
    });
  }
}

/** '' for a cluster-scoped object. */
function namespaceOf(key: ObjectKey): string {
  const slash = key.indexOf('/');
  return slash === -1 ? '' : key.slice(0, slash);
}
