import { describe, expect, test } from 'vitest';
import { apiError } from '../../test/support/scripted-list-watch.ts';
import { forbidden, kindState, missingRightMessage, TOLERATED_MS, worst } from './kind-state.ts';

const READS = { writes: false };
const OWN = { apiService: undefined, unreachable: false };
const DEPLOYMENTS = { group: 'apps', resource: 'deployments' };

describe('how a kind stands', () => {
  test.each([
    ['not listed yet', undefined, false, 0, undefined, 'Syncing', ''],
    ['listed and watched', undefined, true, 0, undefined, 'Watching', ''],
    [
      'forbidden, as a review says',
      'Forbidden',
      false,
      0,
      ['list', 'watch'],
      'Forbidden',
      'grant the operator\'s ServiceAccount apiGroups: ["apps"], resources: ["deployments"], verbs: ["list", "watch"]',
    ],
    [
      'forbidden after it was synced: the message names what is missing and no more',
      'Forbidden',
      true,
      0,
      ['watch'],
      'Forbidden',
      'grant the operator\'s ServiceAccount apiGroups: ["apps"], resources: ["deployments"], verbs: ["watch"]',
    ],
    [
      'forbidden to read: what is only read needs no right to write',
      'Forbidden',
      false,
      0,
      ['list', 'patch'],
      'Forbidden',
      'grant the operator\'s ServiceAccount apiGroups: ["apps"], resources: ["deployments"], verbs: ["list"]',
    ],
    [
      'refused by a server that starts: only the right to write is missing',
      'Forbidden',
      true,
      0,
      ['patch'],
      'Watching',
      '',
    ],
    ['refused, before a review has answered', 'Forbidden', false, 0, undefined, 'Syncing', ''],
    ['refused although synced, before a review has answered', 'Forbidden', true, 0, undefined, 'Watching', ''],
    ['refused by a server that starts: the rights are there', 'Forbidden', true, 0, [], 'Watching', ''],
    [
      'refused for long although the rights are there',
      'Forbidden',
      true,
      TOLERATED_MS,
      [],
      'Failed',
      'the script says Forbidden; it is tried again',
    ],
    ['gone', 'NotFound', true, 0, undefined, 'NotServed', 'the API server does not serve deployments.apps any more'],
    ['broken for a short time', 'Network', true, TOLERATED_MS - 1, undefined, 'Watching', ''],
    [
      'broken for long',
      'Network',
      true,
      TOLERATED_MS,
      undefined,
      'Failed',
      'the script says Network; it is tried again',
    ],
    [
      'broken before it was ever listed',
      'Timeout',
      false,
      0,
      undefined,
      'Failed',
      'the script says Timeout; it is tried again',
    ],
    ['expired', 'Gone', true, 0, undefined, 'Watching', ''],
  ] as const)('%s', (_, code, synced, failingMs, missing, state, message) => {
    const lastError = code === undefined ? undefined : apiError(code);
    expect(kindState(DEPLOYMENTS, { lastError, synced }, failingMs, missing, OWN, READS)).toMatchObject({
      state,
      message,
    });
  });
});

test('a kind that is to be written names every right at once, that to write too', () => {
  const status = { lastError: apiError('Forbidden'), synced: false };
  const message = (missing: readonly string[], namespace?: string) =>
    kindState(DEPLOYMENTS, status, 0, missing, OWN, { writes: true, namespace }).message;
  expect(message(['list', 'watch', 'patch'])).toBe(missingRightMessage(DEPLOYMENTS, ['list', 'watch', 'patch']));
  expect(message(['list', 'watch'])).toBe(missingRightMessage(DEPLOYMENTS, ['list', 'watch']));
  expect(message(['list', 'patch'], 'a')).toBe(missingRightMessage(DEPLOYMENTS, ['list', 'patch'], ['a']));
});

function lacking(verbs: readonly string[], namespaces?: readonly string[]) {
  return forbidden(DEPLOYMENTS, { verbs, namespaces });
}

describe('of several watches of a kind', () => {
  const watching = { state: 'Watching', message: '' } as const;
  const failed = { state: 'Failed', message: 'it is down' } as const;

  test('the worst counts', () => {
    expect(worst(DEPLOYMENTS, [])).toEqual({ state: 'Syncing', message: '' });
    expect(worst(DEPLOYMENTS, [watching, failed, watching])).toEqual(failed);
    expect(worst(DEPLOYMENTS, [failed, lacking(['list'], ['a'])]).message).toBe(lacking(['list'], ['a']).message);
  });

  test('a right that is missing in several namespaces is told of all of them', () => {
    const states = [lacking(['patch'], ['b']), watching, lacking(['list', 'watch'], ['a']), lacking(['patch'], ['b'])];
    expect(worst(DEPLOYMENTS, states).message).toBe(
      missingRightMessage(DEPLOYMENTS, ['list', 'watch', 'patch'], ['a', 'b']),
    );
  });

  test('a right that is missing everywhere names no namespace', () => {
    expect(worst(DEPLOYMENTS, [lacking(['list']), lacking(['watch'], ['a'])]).message).toBe(
      missingRightMessage(DEPLOYMENTS, ['list', 'watch']),
    );
  });
});

test('a rule to grant names the core group and exactly the verbs', () => {
  expect(missingRightMessage({ group: '', resource: 'configmaps' }, ['patch'])).toBe(
    'grant the operator\'s ServiceAccount apiGroups: [""], resources: ["configmaps"], verbs: ["patch"]',
  );
});

describe('a kind of an aggregated API server', () => {
  const aggregated = { apiService: 'v1.acme.io', unreachable: false };
  const lastError = apiError('Unavailable');

  test('names its APIService when it fails', () => {
    expect(
      kindState(DEPLOYMENTS, { lastError, synced: true }, TOLERATED_MS, undefined, aggregated, READS).message,
    ).toBe(
      'the script says Unavailable; see the condition Available of APIService v1.acme.io, which serves it; it is tried again',
    );
  });

  test.each([
    [false, 'Watching'],
    [true, 'Failed'],
  ])('whose watch breaks, where the API server says of it that it is unreachable: %j, is %s', (unreachable, state) => {
    const source = { ...aggregated, unreachable };
    expect(kindState(DEPLOYMENTS, { lastError, synced: true }, 0, undefined, source, READS).state).toBe(state);
  });
});
