import { expect, test } from 'vitest';
import { CONFIG_MAPS } from '../../test/support/compiled-policy.ts';
import { startInformer } from '../../test/support/kind-stage.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { apiError } from '../../test/support/scripted-list-watch.ts';
import type { ApiErrorCode } from '../kube/errors.ts';
import { KindHealth } from './kind-health.ts';
import { TOLERATED_MS } from './kind-state.ts';
import type { View } from './watched-kind.ts';

const OWN = { apiService: undefined, unreachable: false };

async function setUp(missingVerbs: () => Promise<readonly string[]> = async () => []) {
  const clock = new ManualClock();
  const { informer, watch } = await startInformer([]);
  const kind: View = { context: CONFIG_MAPS, informer };
  const changed: string[] = [];
  const health = new KindHealth({
    clock,
    missingVerbs,
    sourceOf: () => OWN,
    onChange: ({ context }) => changed.push(context.resource),
  });
  informer.addHandler({ change() {}, remove() {}, synced() {}, status: () => health.update(kind) });
  const breakDown = async (code: ApiErrorCode = 'Network'): Promise<void> => {
    watch.fail(apiError(code));
    await clock.settle();
  };
  return { clock, kind, health, changed, breakDown };
}

test('a break becomes visible once it has lasted, without a further event, and is told once', async () => {
  const { clock, kind, health, changed, breakDown } = await setUp();
  expect(health.state(kind, false).state).toBe('Watching');
  await breakDown();
  health.update(kind);
  await clock.advance(TOLERATED_MS - 1);
  expect(changed).toEqual([]);
  health.update(kind);
  await clock.advance(1);
  expect(changed).toEqual(['configmaps']);
  expect(clock.pending).toBe(0);
});

test('a watch that is forgotten, and the end, leave no timer', async () => {
  const { clock, kind, health, breakDown } = await setUp();
  await breakDown();
  expect(clock.pending).toBe(1);
  health.forget(kind);
  expect(clock.pending).toBe(0);
  health.update(kind);
  expect(clock.pending).toBe(1);
  health.stop();
  expect(clock.pending).toBe(0);
});

test('a 403 is a missing right once a review says so, which is told and asked once for each refusal', async () => {
  let reviews = 0;
  const { kind, health, changed, breakDown } = await setUp(async () => {
    reviews += 1;
    return ['watch'];
  });
  await breakDown('Forbidden');
  health.update(kind);
  expect(reviews).toBe(1);
  expect(changed).toEqual(['configmaps']);
  expect(health.state(kind, false)).toMatchObject({
    state: 'Forbidden',
    message: expect.stringContaining('verbs: ["watch"]'),
  });
});

test('a 403 of a server that has not read the roles yet changes nothing', async () => {
  const { kind, health, breakDown } = await setUp(async () => []);
  await breakDown('Forbidden');
  expect(health.state(kind, false).state).toBe('Watching');
});

test('a review that fails says nothing', async () => {
  const { kind, health, changed, breakDown } = await setUp(async () => Promise.reject(apiError('Network')));
  await breakDown('Forbidden');
  expect(changed).toEqual([]);
  expect(health.state(kind, false).state).toBe('Watching');
});
