import { describe, expect, test } from 'vitest';
import { apiError } from '../../test/support/scripted-list-watch.ts';
import { kindState, missingRightMessage, TOLERATED_MS } from './kind-state.ts';

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
    expect(kindState(DEPLOYMENTS, { lastError, synced }, failingMs, missing, OWN)).toEqual({ state, message });
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
    expect(kindState(DEPLOYMENTS, { lastError, synced: true }, TOLERATED_MS, undefined, aggregated).message).toBe(
      'the script says Unavailable; see the condition Available of APIService v1.acme.io, which serves it; it is tried again',
    );
  });

  test.each([
    [false, 'Watching'],
    [true, 'Failed'],
  ])('whose watch breaks, where the API server says of it that it is unreachable: %j, is %s', (unreachable, state) => {
    const source = { ...aggregated, unreachable };
    expect(kindState(DEPLOYMENTS, { lastError, synced: true }, 0, undefined, source).state).toBe(state);
  });
});
