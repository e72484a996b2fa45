import { describe, expect, test } from 'vitest';
import { CONFIG_MAPS, enforcing, programOf } from '../../test/support/compiled-policy.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { silentLog } from '../base/log.ts';
import { KindGates } from './kind-gates.ts';

const SETS = [{ name: 'r', set: { labels: [{ key: 'env', value: 'prod' }] } }];
const writes = programOf('writes', enforcing({ rules: SETS }));
const judges = programOf('judges', enforcing({ rules: [{ name: 'r', require: { labels: [{ key: 'env' }] } }] }));

function setUp(namespace?: string, clock = new ManualClock()) {
  const kind = { name: 'configmaps', context: CONFIG_MAPS, namespace };
  return new KindGates({ kind, clock, log: silentLog, release: () => {}, onChange: () => {} });
}

describe('what cannot be written', () => {
  test('for want of a right says which, and where if it is not to be given everywhere', () => {
    const grant = 'apiGroups: [""], resources: ["configmaps"], verbs: ["patch"]';
    for (const [gates, where] of [
      [setUp(), ''],
      [setUp('shop'), ' by a Role in the namespace shop:'],
    ] as const) {
      gates.lackRight('shop/a');
      expect([gates.admits('shop/b'), gates.admits('bank/a')]).toEqual([false, true]);
      expect(gates.problem(writes)).toMatchObject({
        state: 'Forbidden',
        message: `grant the operator's ServiceAccount${where} ${grant}`,
      });
    }
  });

  test('because nothing is answered is Failed, until one is', () => {
    const gates = setUp();
    gates.close('shop/a', { cause: 'NoAnswer', message: 'it hangs' });
    expect([gates.admits('bank/a'), gates.problem(writes)?.state]).toEqual([false, 'Failed']);
    gates.open('shop/a');
    expect([gates.admits('bank/a'), gates.problem(writes)]).toEqual([true, undefined]);
  });

  test('is no problem of a policy that only judges', () => {
    const gates = setUp();
    gates.lackRight('shop/a');
    expect(gates.problem(judges)).toBeUndefined();
  });
});

describe('the object that tries for all', () => {
  test.each([
    ['has no answer', (gates: KindGates) => gates.unanswered('shop/a', 'it hangs')],
    ['finds out nothing', (gates: KindGates) => gates.again('shop/a')],
  ])('and %s waits behind the others from then on; any other does not', async (_what, end) => {
    const clock = new ManualClock();
    const gates = setUp(undefined, clock);
    expect(end(gates)).toBe(false);
    gates.close('shop/a', { cause: 'LedgerUnavailable', message: 'it is away' });
    expect(end(gates)).toBe(false);
    await clock.advance(2_000);
    expect(gates.isTrying('shop/a')).toBe(true);
    expect([end(gates), gates.isTrying('shop/a')]).toEqual([true, false]);
    gates.stop();
  });
});
