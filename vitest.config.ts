import { defineConfig } from 'vitest/config';
import { PATIENCE_MS } from './test/cluster/eventually.ts';
import { ClosingLineReporter } from './test/support/closing-line-reporter.ts';

const inCi = process.env['CI'] !== undefined;

/** Of conditions: how long something takes is no part of what is tested. */
const poll = { timeout: PATIENCE_MS, interval: 25 };

export default defineConfig({
  test: {
    reporters: ['default', new ClosingLineReporter({ strict: inCi })],
    allowOnly: !inCi,
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            'src/**/*.test.ts',
            'scripts/**/*.test.ts',
            'test/support/**/*.test.ts',
            'test/fuzz/**/*.test.ts',
            'test/hostile/**/*.test.ts',
            'test/soak/**/*.test.ts',
          ],
          pool: 'threads',
          // Against one that hangs: how long a property over thousands of cases takes depends on what else the machine does.
          testTimeout: 300_000,
          expect: { poll },
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'journeys',
          include: ['test/**/*.test.ts'],
          exclude: ['test/support/**', 'test/fuzz/**', 'test/hostile/**', 'test/soak/**', '**/node_modules/**'],
          // A process of its own for each file: journeys start and kill servers.
          pool: 'forks',
          maxWorkers: 2,
          globalSetup: ['test/cluster/vitest-setup.ts', 'test/support/product-setup.ts'],
          // Far more than the conditions in them get each: what was waited for is what a failure should say.
          testTimeout: 900_000,
          expect: { poll },
          hookTimeout: 900_000,
          // After the units: they fail sooner, and the control plane wants the machine for itself.
          sequence: { groupOrder: 1 },
        },
      },
    ],
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      exclude: ['**/*.test.ts'],
      reporter: ['text', 'html', 'json-summary'],
      reportsDirectory: 'coverage',
    },
  },
});
