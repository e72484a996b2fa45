import type { ContentionGuard } from '../../src/controller/contention.ts';

/** For tests in which nobody fights. */
export const QUIET_GUARD: ContentionGuard = {
  standing: () => undefined,
  admits: () => true,
  wrote: () => {},
  gone: () => {},
  stop: () => {},
};
