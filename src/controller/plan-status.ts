import type { FieldIssue } from '../api/field-issue.ts';
import {
  type GroupResource,
  type GroupResourceName,
  groupResourceName,
  parseGroupResourceName,
} from '../api/resource.ts';
import type { Program } from '../policy/program.ts';
import { isElsewhere, kindIds, limitText, type Namespaces } from '../watchplan/limits.ts';
import type { Plan } from '../watchplan/plan.ts';
import type { KindSet } from './kind-set.ts';
import { type KindState, worst } from './kind-state.ts';
import { type PolicyResources, policyResources } from './policy-resources.ts';
import type { Prerequisites } from './prerequisites.ts';
import type { WatchedKind } from './watched-kind.ts';

/**
 * `Partial`: some kinds cannot be read, and all others were evaluated. `Pending`: more is to be known soon.
 */
export type Coverage = 'All' | 'Partial' | 'Pending';

export interface PlanStatusOptions {
  readonly plan: () => Plan;
  readonly kinds: Pick<KindSet, 'get' | 'of' | 'state'>;
  readonly prerequisites: Pick<Prerequisites, 'met' | 'missing'>;
  readonly namespaces: Namespaces;
  readonly isReady: (kind: WatchedKind) => boolean;
}

/** How the plan stands, policy by policy and kind by kind: what statuses and metrics tell of it. */
export class PlanStatus {
  readonly #options: PlanStatusOptions;

  constructor(options: PlanStatusOptions) {
    this.#options = options;
  }

  /** Why the policy cannot be carried out beside the others; undefined when it can, or is not planned yet. */
  refusal(program: Program): readonly FieldIssue[] | undefined {
    const refusal = this.#options.plan().refused.get(program.policy);
    return refusal?.program === program ? refusal.issues : undefined;
  }

  /** How all that a policy is about stands. */
  resources(program: Program): PolicyResources {
    const part = this.#options.plan().parts.get(program.policy);
    return policyResources(program, part, (resource) => this.state(resource, program));
  }

  /**
   * Of each planned policy its name, if its status tells of one of these kinds, else undefined: so that it can be done
   * in steps.
   */
  *policiesOn(names: ReadonlySet<GroupResourceName>): Generator<string | undefined, void, void> {
    for (const [policy, { resources }] of this.#options.plan().parts) {
      const [few, many] = names.size < resources.size ? [names, resources] : [resources, names];
      yield few.keys().some((name) => many.has(name)) ? policy : undefined;
    }
  }

  /** How a group/resource stands: as a whole, or as one of the programs on it needs it. */
  state(gr: GroupResource, program?: Program): KindState & { readonly version: string | undefined } {
    const { kinds, namespaces, prerequisites } = this.#options;
    const plan = this.#options.plan();
    const name = groupResourceName(gr);
    const [kind, ...more] = kinds.of(name);
    const missing = program === undefined ? undefined : plan.kinds.get(kind?.id ?? name)?.absent.get(program);
    const absence = missing ?? plan.absent.get(name);
    // Namespaces are watched also where no policy may be about them.
    if (absence !== undefined && (program !== undefined || kind === undefined))
      return { ...absence, version: undefined };
    if (kind === undefined)
      return { state: 'Syncing', message: prerequisites.missing().join('; '), version: undefined };
    const view = program === undefined ? undefined : kind.viewOf(program);
    const { version } = (view ?? kind).context;
    if (program !== undefined && isElsewhere(program, namespaces)) {
      const message = `none of the namespaces that the policy names is watched: ${limitText(namespaces)}`;
      return { state: 'Failed', message, version };
    }
    const state = worst(
      gr,
      [kind, ...more].map((one) => kinds.state(one, program)),
    );
    return { ...state, version };
  }

  /** For how much of what the program is about its results are complete. Of a kind that is not served there is nothing. */
  coverage(program: Program): Coverage {
    const { kinds, namespaces, prerequisites, isReady } = this.#options;
    if (program.mode === 'Suspended' || !prerequisites.met) return 'Pending';
    const part = this.#options.plan().parts.get(program.policy);
    if (part?.program !== program) return 'Pending';
    let coverage: Coverage = 'All';
    for (const name of part.resources.keys()) {
      for (const id of kindIds(name, namespaces)) {
        const kind = kinds.get(id);
        if (kind?.hasEvaluated(program) === true) continue;
        const { state } = this.state(parseGroupResourceName(name), program);
        if (state === 'NotServed') continue;
        // A kind that can be read and not written is evaluated all the same; so is one of which others read another version.
        const isRead = kind !== undefined && isReady(kind) && kind.viewOf(program)?.informer.synced !== false;
        if (isRead || !(state === 'Forbidden' || state === 'Failed')) return 'Pending';
        coverage = 'Partial';
      }
    }
    return coverage;
  }
}
