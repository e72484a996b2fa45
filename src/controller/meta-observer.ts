import type { GroupResourceName } from '../api/resource.ts';
import type { PolicyEntry } from './policy-set.ts';

/** Told what status depends on; each call only marks, the work is done later. */
export interface MetaObserver {
  /** A policy came, changed or its part in the plan did. */
  policyChanged(entry: PolicyEntry): void;
  policyRemoved(name: string): void;
  /** A kind's state changed, or it is not watched any more. */
  kindChanged(name: GroupResourceName): void;
}
