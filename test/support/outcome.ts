import { ApiError, type ApiErrorCode } from '../../src/kube/errors.ts';

/** 'Fine', or the code of the ApiError that `attempt` throws; anything else that it throws goes on. */
export function outcomeOf(attempt: () => unknown): ApiErrorCode | 'Fine' {
  try {
    attempt();
    return 'Fine';
  } catch (error) {
    if (error instanceof ApiError) return error.code;
    throw error;
  }
}
