import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { INFORMER_MUTANTS } from './mutants/informer-list.ts';
import { MUTANTS } from './mutants/list.ts';

const project = join(import.meta.dirname, '..');
const mutants = [...MUTANTS, ...INFORMER_MUTANTS];

test('each mutant has a name of its own', () => {
  const names = mutants.map(({ name }) => name);
  expect(names.filter((name, place) => names.indexOf(name) !== place)).toEqual([]);
});

test.each(mutants)(
  'the mutant "$name" has its place in $file, and tests to notice it',
  ({ file, find, replace, tests }) => {
    // Whoever changes that place says how it is broken now; a mutant that cannot be made says nothing of the tests.
    expect(readFileSync(join(project, file), 'utf8').split(find)).toHaveLength(2);
    expect(replace).not.toBe(find);
    expect(tests.filter((path) => !existsSync(join(project, path)))).toEqual([]);
  },
);
