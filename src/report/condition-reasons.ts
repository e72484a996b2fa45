import type { ConditionType } from '../api/status.ts';

/** Every reason that a condition can have; each is explained in docs/troubleshooting.md. */
export const CONDITION_REASONS = {
  Accepted: ['Accepted', 'InvalidSpec', 'NotSupported'],
  Watching: ['Watching', 'WaitingForResources', 'Syncing', 'Forbidden', 'Failed', 'Suspended', 'NotAccepted'],
  Ready: ['Ready', 'Syncing', 'Forbidden', 'Failed', 'LedgerUnavailable', 'Suspended', 'NotAccepted'],
  Compliant: ['NoViolations', 'Violations', 'Errors', 'Evaluating', 'Incomplete', 'Suspended', 'NotAccepted'],
  Contended: ['Quiet', 'AnotherManager', 'SelfOscillation'],
} as const satisfies Record<ConditionType, readonly string[]>;

export type ConditionReason<T extends ConditionType> = (typeof CONDITION_REASONS)[T][number];
