import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CREDENTIAL_TARGETS } from './credential-targets.ts';
import { LANGUAGE_TARGETS } from './language-targets.ts';
import { OUTGOING_TARGETS } from './outgoing-targets.ts';
import { target } from './target.ts';
import { WIRE_TARGETS } from './wire-targets.ts';

const SEED = 20_260_101;

describe('whatever comes in, nothing but the documented errors comes out, soon, and no prototype changes', () => {
  test.each(
    [...LANGUAGE_TARGETS, ...WIRE_TARGETS, ...OUTGOING_TARGETS, ...CREDENTIAL_TARGETS].map(
      (each) => [each.name, each] as const,
    ),
  )('G9: %s', async (_, { run }) => {
    await expect(run({ seed: SEED, inputs: 300 })).resolves.toBeUndefined();
  });
});

describe('a target fails', () => {
  const options = { seed: 1, inputs: 50 };

  test('with the smallest input that does, to be pasted among the regressions', async () => {
    const failing = target('even', fc.nat(), (n) => {
      if (n > 20) throw new Error('too much');
    });
    await expect(failing.run(options)).rejects.toThrow(/Counterexample: \[21\]/);
    await expect(target('known', fc.constant(1), (n) => expect(n).toBe(1), [2]).run(options)).rejects.toThrow(/\[2\]/);
  });

  test('when what all objects inherit changes', async () => {
    const polluting = target('polluting', fc.constant('polluted'), (key) => {
      Reflect.set(Object.prototype, key, 1);
    });
    try {
      await expect(polluting.run(options)).rejects.toThrow('changes what all objects inherit');
    } finally {
      Reflect.deleteProperty(Object.prototype, 'polluted');
    }
  });

  test('when it takes too long', async () => {
    const slow = target('slow', fc.constant(1), () => {
      const until = performance.now() + 300;
      while (performance.now() < until);
    });
    await expect(slow.run({ ...options, inputs: 1 })).rejects.toThrow(/takes \d+ ms/);
  });
});
