/**
 * Measures the product beside client-go and beside bare requests, on a control plane of its own:
 *
 *   npm run bench [-- --rows P1,P2 --objects 50000 --kinds 1000 --policies 1000 --repeat 3 --curves]
 *
 * Figures depend on the machine; ratios within one run are what counts. See docs/benchmarks.md. All results also go to
 * bench/results/ as JSON.
 */
import { parseArgs } from 'node:util';
import { Bench, type BenchOptions } from './bench.ts';
import { isMet, isRowId, ROWS, type RowId } from './figures.ts';
import { loadText, machineText, printTables, writeResults } from './report.ts';
import { events } from './rows/events.ts';
import { firstSync } from './rows/first-sync.ts';
import { kinds } from './rows/kinds.ts';
import { labels } from './rows/labels.ts';

/** Rows that share a control plane, or need none; the quick ones first. */
const GROUPS: readonly { readonly rows: readonly RowId[]; readonly run: (bench: Bench) => Promise<void> }[] = [
  { rows: ['P8', 'P12'], run: events },
  { rows: ['P4', 'P5', 'P6', 'P11', 'P13', 'P14', 'P15', 'P16'], run: labels },
  { rows: ['P7', 'P9'], run: kinds },
  { rows: ['P1', 'P2', 'P3', 'P10'], run: firstSync },
];

function optionsFrom(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rows: { type: 'string', default: Object.keys(ROWS).join() },
      objects: { type: 'string', default: '50000' },
      kinds: { type: 'string', default: '1000' },
      policies: { type: 'string', default: '1000' },
      repeat: { type: 'string', default: '3' },
      curves: { type: 'boolean', default: false },
      'write-concurrency': { type: 'string' },
    },
  });
  const rows = values.rows.split(',').map((row) => {
    if (!isRowId(row)) throw new Error(`there is no row '${row}'; there are ${Object.keys(ROWS).join(', ')}`);
    return row;
  });
  return {
    rows: new Set(rows),
    objects: count('objects', values.objects),
    kinds: count('kinds', values.kinds),
    policies: count('policies', values.policies),
    repeat: count('repeat', values.repeat),
    curves: values.curves,
    writeConcurrency: values['write-concurrency'],
  };
}

function count(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new Error(`--${name} must be a whole number from 1 on, not '${text}'`);
  return value;
}

const bench = await Bench.start(optionsFrom(process.argv.slice(2)));
const before = loadText();
bench.say(`${machineText()}; ${before}`);
try {
  for (const { rows, run } of GROUPS) if (bench.wants(...rows)) await run(bench);
} finally {
  await bench.end();
}
printTables(bench);
const file = writeResults(bench, { before, after: loadText() });
const missed = bench.figures.filter((figure) => isMet(figure) === false).length;
console.log(
  `${missed === 0 ? 'all targets are met' : `${missed} targets are missed`}; ${before}, then ${loadText()}; ${file}`,
);
