import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { silentLog } from '../base/log.ts';
import { ApiError } from '../kube/errors.ts';
import { StatusTroubles } from './status-troubles.ts';

const errorOf = (code: 'Forbidden' | 'Network') =>
  new ApiError({ code, status: code === 'Forbidden' ? 403 : 0, reason: '', message: `${code}!` });
const GRANT =
  'the status of WatchPolicies cannot be written: grant the operator\'s ServiceAccount apiGroups: ["watchkeeper.dev"], resources: ["watchpolicies/status"], verbs: ["patch"]';

const settle = async () => new ManualClock().settle();

function setUp(mayWrite: () => Promise<boolean> = async () => false) {
  const lines: string[] = [];
  let reviews = 0;
  const write = (level: string) => (_: object, text?: string) => lines.push(`${level}: ${text}`);
  const troubles = new StatusTroubles({
    log: { ...silentLog, info: write('info'), warn: write('warn'), error: write('error') },
    mayWrite: () => {
      reviews += 1;
      return mayWrite();
    },
  });
  return { troubles, lines, reviews: () => reviews };
}

describe('statuses that cannot be written', () => {
  test('are told of once, with the rule to grant where a review says that the right is missing, and once more when it is over', async () => {
    const { troubles, lines, reviews } = setUp();
    for (const policy of ['a', 'b', 'c']) troubles.failed(policy, errorOf('Forbidden'));
    await settle();
    troubles.failed('a', errorOf('Forbidden'));
    await settle();
    expect(troubles.problem).toBe(GRANT);
    expect(reviews()).toBe(1);
    troubles.written();
    troubles.written();
    expect(troubles.problem).toBeUndefined();
    expect(lines).toEqual([
      'warn: a status could not be written; it is tried again',
      'error: a right is missing',
      'info: the status of policies can be written again',
    ]);
  });

  test.each([
    ['the review says that we may', async () => true],
    ['the review cannot be made', () => Promise.reject(errorOf('Network'))],
  ])('no right is said to be missing when %s; the next 403 is reviewed again', async (_, mayWrite) => {
    const { troubles, reviews } = setUp(mayWrite);
    troubles.failed('a', errorOf('Forbidden'));
    await settle();
    troubles.failed('a', errorOf('Forbidden'));
    await settle();
    expect([troubles.problem, reviews()]).toEqual([undefined, 2]);
  });

  test('for another reason are no matter of rights', async () => {
    const { troubles, reviews } = setUp();
    troubles.failed('a', errorOf('Network'));
    await settle();
    expect([troubles.problem, reviews()]).toEqual([undefined, 0]);
  });

  test('a write that goes through during the review outdoes it', async () => {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const { troubles } = setUp(() => promise);
    troubles.failed('a', errorOf('Forbidden'));
    troubles.written();
    resolve(false);
    await settle();
    expect(troubles.problem).toBeUndefined();
  });
});
