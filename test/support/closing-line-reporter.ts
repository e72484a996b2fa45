import { writeSync } from 'node:fs';
import type { Reporter, SerializedError, TestCase, TestModule, Vitest } from 'vitest/node';

export interface ClosingLineOptions {
  /**
   * Everything must have run: a skipped test fails the run, and a project in which no test ran counts as failed. For CI;
   * whoever works on one file runs a part on purpose.
   */
  readonly strict: boolean;
  /** Writes the line; by default straight to file descriptor 1. */
  readonly write?: (line: string) => void;
}

/**
 * Prints, as the very last line of a run, `tests: 312 passed, 0 failed`, over all projects together. A file that could
 * not be loaded and an error outside any test count as failed; so does a run in which nothing ran.
 */
export class ClosingLineReporter implements Reporter {
  readonly #strict: boolean;
  readonly #write: (line: string) => void;
  #projects: string[] = [];
  /** Before the end of the run nothing has passed, and a run that breaks off has failed. */
  #line = 'tests: 0 passed, 1 failed';

  constructor({ strict, write }: ClosingLineOptions) {
    this.#strict = strict;
    this.#write = write ?? ((line) => writeSync(1, line));
  }

  onInit(vitest: Pick<Vitest, 'projects'>): void {
    this.#projects = vitest.projects.map(({ name }) => name);
    // At the very end: the other reporters and coverage print theirs after the run.
    process.once('exit', () => this.print());
  }

  onTestRunEnd(modules: ReadonlyArray<TestModule>, unhandledErrors: ReadonlyArray<SerializedError>): void {
    const states = modules.flatMap((module) => [...module.children.allTests()].map((test) => test.result().state));
    const count = (state: TestState) => states.filter((other) => other === state).length;
    const broken = modules.reduce((sum, module) => sum + errorsBesideTests(module), 0) + unhandledErrors.length;
    const idle = this.#strict ? this.#idleProjects(modules) : [];
    if (idle.length > 0) this.#write(`No test ran in: ${idle.join(', ')}\n`);

    const passed = count('passed');
    const found = count('failed') + count('pending') + broken + idle.length;
    const failed = passed + found === 0 ? 1 : found;
    const skipped = count('skipped');
    this.#line = `tests: ${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
    if (failed > 0 || (skipped > 0 && this.#strict)) process.exitCode = 1;
  }

  print(): void {
    this.#write(`${this.#line}\n`);
  }

  #idleProjects(modules: ReadonlyArray<TestModule>): string[] {
    const busy = new Set(modules.filter((module) => !isIdle(module)).map((module) => module.project.name));
    return this.#projects.filter((project) => !busy.has(project));
  }
}

type TestState = ReturnType<TestCase['result']>['state'];

/** Of the file itself and of hooks around tests; the tests of a broken suite are merely skipped. */
function errorsBesideTests(module: TestModule): number {
  let count = module.errors().length;
  for (const suite of module.children.allSuites()) count += suite.errors().length;
  return count;
}

function isIdle(module: TestModule): boolean {
  if (errorsBesideTests(module) > 0) return false;
  for (const test of module.children.allTests()) if (test.result().state !== 'skipped') return false;
  return true;
}
