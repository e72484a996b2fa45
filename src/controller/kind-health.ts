import type { GroupResource } from '../api/resource.ts';
import type { Clock } from '../base/clock.ts';
import type { ApiError } from '../kube/errors.ts';
import type { KindContext } from '../policy/program.ts';
import { type KindSource, type KindState, kindState, type MissingVerbs, TOLERATED_MS } from './kind-state.ts';
import type { View } from './watched-kind.ts';

/** Which of the verbs list, watch and patch we have no right to in a namespace, or everywhere. */
export type MissingVerbsReview = (gr: GroupResource, namespace: string | undefined) => Promise<readonly string[]>;

export interface KindHealthOptions {
  readonly clock: Clock;
  /** Which of the verbs list, watch and patch we have no right to, by an access review. A rejection says nothing. */
  readonly missingVerbs: MissingVerbsReview;
  readonly sourceOf: (kind: KindContext) => KindSource;
  /** A view stands otherwise than before, of which no event of its watch tells: a break lasts, a review has answered. */
  readonly onChange: (view: View) => void;
}

interface Break {
  /** On the monotonic clock. */
  readonly since: number;
  readonly cancel: () => void;
  /** The refusal that was reviewed last. */
  reviewed: ApiError | undefined;
  missing: MissingVerbs;
}

/** Since when each watch is broken, and whether for want of a right. */
export class KindHealth {
  readonly #options: KindHealthOptions;
  readonly #breaks = new Map<View, Break>();

  constructor(options: KindHealthOptions) {
    this.#options = options;
  }

  /** To be called on each change of the informer's status. */
  update(view: View): void {
    const { lastError } = view.informer;
    if (lastError === undefined) {
      this.forget(view);
      return;
    }
    const broken = this.#breakOf(view);
    if (lastError.code === 'Forbidden' && broken.reviewed !== lastError) void this.#review(view, broken, lastError);
  }

  /** `writes`: what is asked for needs its objects written. */
  state(view: View, writes: boolean): KindState {
    const broken = this.#breaks.get(view);
    const failingMs = broken === undefined ? 0 : this.#options.clock.monotonic() - broken.since;
    const source = this.#options.sourceOf(view.context);
    const { context, informer, namespace } = view;
    return kindState(context, informer.status, failingMs, broken?.missing, source, { writes, namespace });
  }

  forget(view: View): void {
    this.#breaks.get(view)?.cancel();
    this.#breaks.delete(view);
  }

  /** Leaves no timer. */
  stop(): void {
    for (const { cancel } of this.#breaks.values()) cancel();
    this.#breaks.clear();
  }

  #breakOf(view: View): Break {
    const known = this.#breaks.get(view);
    if (known !== undefined) return known;
    const { clock, onChange } = this.#options;
    const cancel = clock.after(TOLERATED_MS, () => onChange(view));
    const broken: Break = { since: clock.monotonic(), cancel, reviewed: undefined, missing: undefined };
    this.#breaks.set(view, broken);
    return broken;
  }

  /** Once for each refusal: a grant may have given one of the verbs meanwhile. */
  async #review(view: View, broken: Break, refusal: ApiError): Promise<void> {
    broken.reviewed = refusal;
    try {
      const missing = await this.#options.missingVerbs(view.context, view.namespace);
      if (this.#breaks.get(view) !== broken) return;
      broken.missing = missing;
    } catch {
      // The next refusal is reviewed again.
      return;
    }
    this.#options.onChange(view);
  }
}
