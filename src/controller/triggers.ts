import type { Log } from '../base/log.ts';
import type { InformerHandler } from '../informer/informer.ts';
import type { PolicyEntry, PolicySet } from './policy-set.ts';
import type { WaitingKinds } from './waiting-kinds.ts';

export interface PolicyTrigger {
  readonly policies: PolicySet;
  readonly log: Log;
  readonly onChange: (entry: PolicyEntry) => void;
  readonly onRemove: (name: string) => void;
  /** What is in force may have changed. */
  readonly replan: () => void;
}

/** Keeps the policies as they are on the server. A status edit of one changes nothing of the plan. */
export function policyHandler({ policies, log, onChange, onRemove, replan }: PolicyTrigger): InformerHandler {
  const compiled = (entry: PolicyEntry) => {
    logAcceptance(log, entry);
    replan();
    onChange(entry);
  };
  policies.onLate(compiled);
  return {
    change: (object) => {
      const upsert = policies.upsert(object);
      const entry = policies.get(object.name);
      if (entry === undefined || upsert === 'Later') return;
      if (upsert === 'Changed') compiled(entry);
      else onChange(entry);
    },
    remove: ({ name }) => {
      log.info({ policy: name }, 'the policy was deleted');
      policies.remove(name);
      onRemove(name);
      replan();
    },
    synced: replan,
  };
}

function logAcceptance(log: Log, { name, generation, acceptance, program }: PolicyEntry): void {
  if (acceptance.ok) log.info({ policy: name, generation, mode: program?.mode }, 'the policy is accepted');
  else log.warn({ policy: name, generation, issues: acceptance.issues }, 'the policy is not accepted');
}

export interface ServedTrigger {
  readonly waiting: Pick<WaitingKinds, 'isAwaited' | 'mended'>;
  readonly replan: () => void;
  /** It may be known now that they cannot be listed. */
  readonly tried: () => void;
  /** Discovery may have changed. */
  readonly rediscover: () => void;
}

/** CRDs and APIServices: what they say is not read, but that they change says when to look at discovery. */
export function servedHandler({ waiting, replan, tried, rediscover }: ServedTrigger): InformerHandler {
  return {
    change: (object, previous) => {
      // A CRD that came, or came again, is a kind with another history.
      if (previous === undefined) replan();
      // Status edits change neither uid nor generation. Those that matter are "established" and "available", of a kind that we
      // wait for.
      const edited = previous?.generation !== object.generation;
      const group = groupOf(object.name);
      if (edited || waiting.isAwaited(group)) rediscover();
      waiting.mended(group);
    },
    remove: () => {
      replan();
      rediscover();
    },
    synced: replan,
    status: tried,
  };
}

/** Of a CRD (`plural.group`) or an APIService (`version.group`). */
function groupOf(name: string): string {
  return name.slice(name.indexOf('.') + 1);
}
