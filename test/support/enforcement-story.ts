import * as z from 'zod';
import { at, type Manifest } from '../cluster/kube-object.ts';
import { POLICIES, type PolicySpec } from './installation.ts';
import { keysAndOwners } from './key-owners.ts';
import { ledgerOf } from './policy-story.ts';
import { configMap, type Stage } from './stage.ts';

/** A policy that comes, is edited and goes, over six objects of two kinds that no other policy is about. */
export const POLICY = 'story';

/** Something that is done, and all that can be seen of the operator's answer. Each takes one write of each object. */
export interface Chapter {
  readonly act: (stage: Stage, ns: string) => Promise<void>;
  readonly leaves: Trace;
}

export interface Trace {
  /** By name: see `keysAndOwners`. */
  readonly objects: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** What the operator has on record. */
  readonly ledger: { readonly kinds: readonly string[]; readonly policies: readonly string[] };
  /** Undefined when there is no policy. */
  readonly status: { readonly isCurrent: boolean; readonly violationsTotal: unknown } | undefined;
}

const KINDS = ['configmaps', 'services'];

/** One of them has a key of its user that the policy sets too. */
export function storyObjects(ns: string): readonly Manifest[] {
  const service = (name: string): Manifest => {
    return { apiVersion: 'v1', kind: 'Service', metadata: { namespace: ns, name }, spec: { ports: [{ port: 80 }] } };
  };
  return [
    configMap(ns, 'a'),
    configMap(ns, 'b', { tier: 'back' }),
    configMap(ns, 'c', { team: 'a' }),
    service('d'),
    service('e'),
    service('f'),
  ];
}

export const OBJECTS = 6;

export function setTo(ns: string, labels: Readonly<Record<string, string>>): PolicySpec {
  return {
    mode: 'Enforce',
    match: { resources: KINDS.map((resource) => ({ group: '', resource })), namespaces: [ns] },
    rules: Object.entries(labels).map(([key, value]) => ({ name: key, set: { labels: [{ key, value }] } })),
  };
}

const TEAM = { team: 'a (watchkeeper)' };
const EDITED = { env: 'prod (watchkeeper)', squad: 'a (watchkeeper)' };
const BACK = { tier: 'back (test-admin)' };
const IN_FORCE = { ledger: { kinds: KINDS, policies: [POLICY] }, status: { isCurrent: true, violationsTotal: 0 } };

export const FIRST_ENFORCEMENT: Chapter = {
  act: async (stage, ns) => stage.applyPolicy(POLICY, setTo(ns, { team: 'a' })),
  leaves: {
    objects: {
      a: TEAM,
      b: { ...TEAM, ...BACK },
      c: { team: 'a (test-admin, watchkeeper)' },
      d: TEAM,
      e: TEAM,
      f: TEAM,
    },
    ...IN_FORCE,
  },
};

const EDIT: Chapter = {
  act: async (stage, ns) => stage.applyPolicy(POLICY, setTo(ns, { squad: 'a', env: 'prod' })),
  leaves: {
    objects: {
      a: EDITED,
      b: { ...EDITED, ...BACK },
      c: { ...EDITED, team: 'a (test-admin)' },
      d: EDITED,
      e: EDITED,
      f: EDITED,
    },
    ...IN_FORCE,
  },
};

const DELETION: Chapter = {
  act: async (stage) => stage.deletePolicy(POLICY),
  leaves: {
    objects: { a: {}, b: BACK, c: { team: 'a (test-admin)' }, d: {}, e: {}, f: {} },
    ledger: { kinds: [], policies: [] },
    status: undefined,
  },
};

export const CHAPTERS: readonly Chapter[] = [FIRST_ENFORCEMENT, EDIT, DELETION];

const LedgerEntry = z.object({ name: z.string() });

export async function traceOf(stage: Stage, ns: string): Promise<Trace> {
  const { admin } = stage;
  const { kinds = '', ...policies } = await ledgerOf(stage);
  const policy = await admin.find(`${POLICIES}/${POLICY}`);
  const collections = KINDS.map(async (kind) => (await admin.list(`/api/v1/namespaces/${ns}/${kind}`)).items);
  const objects = (await Promise.all(collections)).flat();
  return {
    objects: Object.fromEntries(objects.map((object) => [object.metadata.name, keysAndOwners(object)])),
    ledger: {
      kinds: kinds.split('\n').filter((kind) => kind !== ''),
      policies: Object.values(policies).map((text) => LedgerEntry.parse(JSON.parse(text)).name),
    },
    status: policy && {
      isCurrent: at(policy, 'status', 'observedGeneration') === policy.metadata.generation,
      violationsTotal: at(policy, 'status', 'violationsTotal'),
    },
  };
}
