import * as z from 'zod';
import { AdminError } from '../cluster/admin-error.ts';
import { at, type KubeObject } from '../cluster/kube-object.ts';
import { POLICIES } from './installation.ts';
import { keysAndOwners } from './key-owners.ts';
import { ledgerOf } from './policy-story.ts';
import { type PolicyView, viewOf } from './policy-view.ts';
import type { Stage } from './stage.ts';

/** How the objects and policies of a story stand, with `NS` in place of its namespace: the same for every telling. */
export interface StoryEnd {
  /** By resource and name, such as `configmaps/web`: see `keysAndOwners`. */
  readonly objects: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** By the name that the story has for them. */
  readonly policies: Readonly<Record<string, PolicyEnd>>;
  /** What of the story the operator has on record. */
  readonly ledger: { readonly kinds: readonly string[]; readonly policies: readonly string[] };
}

export interface PolicyEnd {
  /** Whether status and conditions are about the present spec. */
  readonly isCurrent: boolean;
  readonly isEnforced: boolean;
  /** By type: status, reason and message. */
  readonly conditions: Readonly<Record<string, string>>;
  readonly summary: PolicyView['summary'];
  readonly watching: unknown;
  readonly resources: unknown;
  readonly results: readonly string[];
  readonly resultsTotal: number;
}

/** Whether each policy has said what it makes of all objects as they stand: so and so many, without an error. */
export function isEvaluated(policy: PolicyEnd | undefined): policy is PolicyEnd {
  if (policy?.isCurrent !== true) return false;
  return policy.conditions['Compliant'] !== undefined && !policy.conditions['Compliant'].startsWith('Unknown');
}

/** `paths`: collections in the story's namespace, and single objects that are cluster-wide. */
export async function storyEnd(stage: Stage, ns: string, paths: Iterable<string>): Promise<StoryEnd> {
  const found = await Promise.all([...paths].map(async (path) => objectsAt(stage, ns, path)));
  const policies = (await stage.admin.list(POLICIES)).items.filter(({ metadata }) => isOf(ns, metadata.name));
  // Which of the kinds have a CRD may be learnt later.
  const { kinds = '', customKinds: _, ...records } = await ledgerOf(stage);
  const end: StoryEnd = {
    objects: Object.fromEntries(found.flat()),
    policies: Object.fromEntries(policies.map((policy) => [policy.metadata.name.slice(ns.length + 1), endOf(policy)])),
    ledger: {
      kinds: kinds.split('\n').filter((kind) => kind !== ''),
      policies: Object.values(records)
        .map((text) => LedgerEntry.parse(JSON.parse(text)).name)
        .filter((name) => isOf(ns, name))
        .toSorted(),
    },
  };
  return JSON.parse(JSON.stringify(end).replaceAll(ns, 'NS')) as StoryEnd;
}

const LedgerEntry = z.object({ name: z.string() });

/** Whether the name of something cluster-wide is one of the story's. */
export function isOf(ns: string, name: string): boolean {
  return name === ns || name.startsWith(`${ns}-`) || name.startsWith(`${ns}.`) || name.endsWith(`.${ns}`);
}

async function objectsAt({ admin }: Stage, ns: string, path: string) {
  const resource = path.split('/').at(path.includes(`/namespaces/${ns}/`) ? -1 : -2);
  const objects = path.includes(`/namespaces/${ns}/`) ? await all() : [await admin.find(path)];
  return objects
    .filter((object): object is KubeObject => object !== undefined)
    .map((object) => [`${resource}/${object.metadata.name}`, keysAndOwners(object)] as const);

  /** None of a kind that is not served. */
  async function all(): Promise<readonly KubeObject[]> {
    try {
      return (await admin.list(path)).items;
    } catch (error) {
      if (error instanceof AdminError && error.status === 404) return [];
      throw error;
    }
  }
}

function endOf(raw: KubeObject): PolicyEnd {
  const view = viewOf(raw);
  const { generation, observedGeneration, conditions, summary, violations, violationsTotal } = view;
  return {
    isCurrent: observedGeneration === generation,
    isEnforced: at(raw, 'status', 'enforcedGeneration') === generation,
    conditions: Object.fromEntries(
      Object.entries(conditions).map(([type, { status, reason, message }]) => [
        type,
        `${status} ${reason}: ${message}`,
      ]),
    ),
    summary,
    watching: at(raw, 'status', 'watching'),
    resources: at(raw, 'status', 'resources'),
    results: violations.map(
      ({ kind, namespace = '', name, rule, result, message }) =>
        `${kind} ${namespace}/${name} ${rule} ${result}: ${message}`,
    ),
    resultsTotal: violationsTotal,
  };
}
