import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROWS } from '../../bench/figures.ts';
import { PROJECT } from './reader.ts';
import { documentedRows } from './titled-tests.ts';

const rows = documentedRows('benchmarks.md', 'P\\d+');
const described = rows.filter(({ cells }) => cells.length === 1);
const measured = rows.filter(({ cells }) => cells.length === 3);

const ids = (some: typeof rows) => [...new Set(some.map(({ id }) => id))];

test('each row of the benchmark is described once, with its target, in order', () => {
  expect(described.map(({ id }) => id)).toEqual(Object.keys(ROWS));
});

test('each row has a figure beside its target, in order', () => {
  expect(ids(measured)).toEqual(Object.keys(ROWS));
});

test('what is not in bold missed its target, and says why', () => {
  const missed = measured.filter(({ cells: [, figure = ''] }) => !figure.includes('**'));
  const page = readFileSync(join(PROJECT, 'docs', 'benchmarks.md'), 'utf8');
  const explained = [...page.matchAll(/^- \*\*(P\d+)[.,]/gm)].map(([, id]) => id);
  expect(ids(missed).filter((id) => !explained.includes(id))).toEqual([]);
  expect(explained.filter((id) => !missed.some((row) => row.id === id))).toEqual([]);
});
