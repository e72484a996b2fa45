import type { GroupResource, GroupResourceName } from '../api/resource.ts';
import type { Clock } from '../base/clock.ts';
import type { ApiError } from '../kube/errors.ts';
import { type KindSource, type KindState, kindState, type MissingVerbs, TOLERATED_MS } from './kind-state.ts';
import type { WatchedKind } from './watched-kind.ts';

export interface KindHealthOptions {
  readonly clock: Clock;
  /** Which of the verbs list and watch we have no right to, by an access review. A rejection says nothing. */
  readonly missingVerbs: (gr: GroupResource) => Promise<readonly string[]>;
  readonly sourceOf: (kind: WatchedKind) => KindSource;
  /** A kind stands otherwise than before, of which no event of its watch tells: a break lasts, a review has answered. */
  readonly onChange: (kind: WatchedKind) => void;
}

interface Break {
  /** On the monotonic clock. */
  readonly since: number;
  readonly cancel: () => void;
  /** The refusal that was reviewed last. */
  reviewed: ApiError | undefined;
  missing: MissingVerbs;
}

/** Since when the watch of each kind is broken, and whether for want of a right. */
export class KindHealth {
  readonly #options: KindHealthOptions;
  readonly #breaks = new Map<GroupResourceName, Break>();

  constructor(options: KindHealthOptions) {
    this.#options = options;
  }

  /** To be called on each change of the informer's status. */
  update(kind: WatchedKind): void {
    const { lastError } = kind.informer.status;
    if (lastError === undefined) {
      this.forget(kind.name);
      return;
    }
    const broken = this.#breakOf(kind);
    if (lastError.code === 'Forbidden' && broken.reviewed !== lastError) void this.#review(kind, broken, lastError);
  }

  state(kind: WatchedKind): KindState {
    const broken = this.#breaks.get(kind.name);
    const failingMs = broken === undefined ? 0 : this.#options.clock.monotonic() - broken.since;
    return kindState(kind.context, kind.informer.status, failingMs, broken?.missing, this.#options.sourceOf(kind));
  }

  forget(name: GroupResourceName): void {
    this.#breaks.get(name)?.cancel();
    this.#breaks.delete(name);
  }

  /** Leaves no timer. */
  stop(): void {
    for (const { cancel } of this.#breaks.values()) cancel();
    this.#breaks.clear();
  }

  #breakOf(kind: WatchedKind): Break {
    const known = this.#breaks.get(kind.name);
    if (known !== undefined) return known;
    const { clock, onChange } = this.#options;
    const cancel = clock.after(TOLERATED_MS, () => onChange(kind));
    const broken: Break = { since: clock.monotonic(), cancel, reviewed: undefined, missing: undefined };
    this.#breaks.set(kind.name, broken);
    return broken;
  }

  /** Once for each refusal: a grant may have given one of two verbs meanwhile. */
  async #review(kind: WatchedKind, broken: Break, refusal: ApiError): Promise<void> {
    broken.reviewed = refusal;
    try {
      const missing = await this.#options.missingVerbs(kind.context);
      if (this.#breaks.get(kind.name) !== broken) return;
      broken.missing = missing;
    } catch {
      // The next refusal is reviewed again.
      return;
    }
    this.#options.onChange(kind);
  }
}
