import { allSteps, type Steps } from '../base/steps.ts';
import type { DiscoverySnapshot } from '../kube/discovery.ts';
import type { Program } from '../policy/program.ts';
import { isExact } from '../policy/resource-terms.ts';
import { Catalogue, type Listed } from './catalogue.ts';
import { isBeyond, limitText, type Namespaces } from './limits.ts';
import { type Expansion, expandInSteps, type Look, leftOut, lookAt } from './targets.ts';

interface Known {
  readonly catalogue: Catalogue;
  readonly expansion: Expansion;
  /** By place in the catalogue; empty for a program without globs, which looks at little. */
  readonly looks: readonly (Look | undefined)[];
}

/**
 * The expansion of each program, computed once for each state of the server. What stays the same object from one snapshot to
 * the next is not looked at again: with many globs and many CRDs that come one after another it would add up.
 */
export class Expansions {
  readonly #namespaces: Namespaces;
  #catalogue = new Catalogue(new Map());
  /** By the catalogue of before, where each resource was in it. */
  #places = new Map<Catalogue, readonly (number | undefined)[]>();
  #known = new Map<Program, Known>();

  /** Globs leave out what cannot be within `namespaces`. */
  constructor(namespaces?: Namespaces) {
    this.#namespaces = namespaces;
  }

  of(program: Program, discovery: DiscoverySnapshot): Expansion {
    return allSteps(this.inSteps(program, discovery));
  }

  /** One at a time. */
  *inSteps(program: Program, discovery: DiscoverySnapshot): Steps<Expansion> {
    if (discovery !== this.#catalogue.discovery) {
      this.#catalogue = new Catalogue(discovery);
      this.#places = new Map();
      yield;
    }
    const catalogue = this.#catalogue;
    const before = this.#known.get(program);
    if (before?.catalogue === catalogue) return before.expansion;
    const places = before === undefined || before.looks.length === 0 ? undefined : this.#placesIn(before.catalogue);
    const globs = !program.targets.every(isExact);
    const looks: (Look | undefined)[] = [];
    const expansion = yield* expandInSteps(program, catalogue, (listed) => {
      const place = globs ? places?.[looks.length] : undefined;
      const look = place === undefined ? this.#within(listed, lookAt(listed, program)) : before?.looks[place];
      if (globs) looks.push(look);
      return look;
    });
    this.#known.set(program, { catalogue, expansion, looks });
    return expansion;
  }

  /** Forgets all programs but these. */
  keep(programs: readonly Program[]): void {
    const kept = new Set(programs);
    for (const program of this.#known.keys()) if (!kept.has(program)) this.#known.delete(program);
  }

  #placesIn(earlier: Catalogue): readonly (number | undefined)[] {
    let places = this.#places.get(earlier);
    if (places === undefined) {
      places = this.#catalogue.placesIn(earlier);
      this.#places.set(earlier, places);
    }
    return places;
  }

  #within({ served }: Listed, look: Look | undefined): Look | undefined {
    if (look?.kind !== 'Targeted' || isExact(look.target) || !isBeyond(served, this.#namespaces)) return look;
    return leftOut(`it is cluster-scoped, and ${limitText(this.#namespaces)}`);
  }
}
