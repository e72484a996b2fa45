import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

const vitestCli = join(import.meta.dirname, '..', '..', 'node_modules', 'vitest', 'vitest.mjs');
const reporter = join(import.meta.dirname, 'closing-line-reporter.ts');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'closing-line-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function emptyFolder(): void {
  rmSync(folder, { recursive: true });
  mkdirSync(folder);
}

interface Run {
  readonly lastLine: string | undefined;
  readonly output: string;
  readonly exitCode: number;
}

/** Runs the given test files, by path, in projects `one` and `two`. */
function run(files: Readonly<Record<string, string>>, strict = true): Promise<Run> {
  const config = `
    import { existsSync } from 'node:fs';
    import { ClosingLineReporter } from '${reporter}';
    const project = (name) => ({
      test: {
        name,
        globals: true,
        include: [name + '/*.test.js'],
        globalSetup: ['${folder}/' + name + '/setup.js'].filter((file) => existsSync(file)),
      },
    });
    export default { test: {
      projects: [project('one'), project('two')],
      reporters: ['default', new ClosingLineReporter({ strict: ${strict} })],
    } };`;
  for (const name of ['one', 'two']) mkdirSync(join(folder, name));
  for (const [path, source] of Object.entries({ ...files, 'vitest.config.js': config })) {
    writeFileSync(join(folder, path), source);
  }
  return new Promise((resolve) => {
    const args = [vitestCli, 'run', '--root', folder, '--no-color'];
    execFile(process.execPath, args, { cwd: folder, env: {} }, (error, stdout) => {
      const exitCode = error === null ? 0 : Number(error.code);
      resolve({ lastLine: stdout.trimEnd().split('\n').at(-1), output: stdout, exitCode });
    });
  });
}

const passing = `test('a', () => {}); test('b', () => {});`;

test('a good run ends on one line over all projects', async () => {
  const { lastLine, exitCode } = await run({ 'one/a.test.js': passing, 'two/a.test.js': passing });
  expect({ lastLine, exitCode }).toEqual({ lastLine: 'tests: 4 passed, 0 failed', exitCode: 0 });
});

test('a failing test is counted', async () => {
  const failing = `${passing} test('c', () => { throw new Error('no'); });`;
  const { lastLine, exitCode } = await run({ 'one/a.test.js': passing, 'two/a.test.js': failing });
  expect({ lastLine, exitCode }).toEqual({ lastLine: 'tests: 4 passed, 1 failed', exitCode: 1 });
});

test('a file that cannot be loaded counts as failed', async () => {
  const { lastLine, exitCode } = await run({ 'one/a.test.js': passing, 'two/a.test.js': `import './nothing.js';` });
  expect({ lastLine, exitCode }).toEqual({ lastLine: 'tests: 2 passed, 1 failed', exitCode: 1 });
});

test('a suite whose hook fails counts as failed', async () => {
  const broken = `describe('s', () => { beforeAll(() => { throw new Error('no'); }); test('a', () => {}); });`;
  const { lastLine, exitCode } = await run({ 'one/a.test.js': passing, 'two/a.test.js': broken });
  expect({ lastLine, exitCode }).toEqual({ lastLine: 'tests: 2 passed, 1 failed, 1 skipped', exitCode: 1 });
});

test('an error outside any test counts as failed', async () => {
  const late = `test('a', () => { Promise.reject(new Error('late')); });`;
  const { lastLine, exitCode } = await run({ 'one/a.test.js': passing, 'two/a.test.js': late });
  expect({ lastLine, exitCode }).toEqual({ lastLine: 'tests: 3 passed, 1 failed', exitCode: 1 });
});

test('a skipped test is named, and fails a strict run', async () => {
  const files = { 'one/a.test.js': passing, 'two/a.test.js': `${passing} test.skip('c', () => {});` };
  const strict = await run(files);
  expect([strict.lastLine, strict.exitCode]).toEqual(['tests: 4 passed, 0 failed, 1 skipped', 1]);
  emptyFolder();
  const lenient = await run(files, false);
  expect([lenient.lastLine, lenient.exitCode]).toEqual(['tests: 4 passed, 0 failed, 1 skipped', 0]);
});

test('a project in which no test ran is named and counts as failed in a strict run', async () => {
  const strict = await run({ 'one/a.test.js': passing });
  expect(strict.output).toContain('No test ran in: two');
  expect([strict.lastLine, strict.exitCode]).toEqual(['tests: 2 passed, 1 failed', 1]);
  emptyFolder();
  const lenient = await run({ 'one/a.test.js': passing }, false);
  expect([lenient.lastLine, lenient.exitCode]).toEqual(['tests: 2 passed, 0 failed', 0]);
});

test('a run whose set-up fails does not look like a good one', async () => {
  const setup = `export function setup() { throw new Error('no control plane'); }`;
  const { lastLine, exitCode } = await run({
    'one/a.test.js': passing,
    'two/a.test.js': passing,
    'two/setup.js': setup,
  });
  expect(exitCode).toBe(1);
  expect(lastLine).toMatch(/^tests: \d+ passed, [1-9]\d* failed$/);
});
