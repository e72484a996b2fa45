import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import Table from 'cli-table3';
import type { Bench } from './bench.ts';
import { isMet, numberText, type Point, targetText } from './figures.ts';

/** One line for each row, and no colours: this is copied into documents. */
const PLAIN = { head: [], border: [], compact: true };

/** Where it was measured, as far as figures depend on it. */
export function machineText(): string {
  const [first] = cpus();
  const gib = (totalmem() / 2 ** 30).toFixed(0);
  return `${cpus().length} cores (${first?.model ?? 'unknown'}), ${gib} GiB, ${type()} ${release()}, Node ${process.versions.node}, ${goVersion()}`;
}

export function loadText(): string {
  return `load ${loadavg()
    .map((load) => load.toFixed(1))
    .join(' ')}`;
}

export function printTables({ figures, points }: Bench): void {
  const table = new Table({ head: ['row', 'what', 'figure', 'target', 'met', 'from'], style: PLAIN });
  for (const figure of figures) {
    const { row, what, value, unit, target, detail = '' } = figure;
    const met = isMet(figure);
    const text = value === undefined ? '-' : `${numberText(value)} ${unit}`.trim();
    table.push([row, what, text, targetText(target), met === undefined ? '' : met ? 'yes' : 'NO', detail]);
  }
  console.log(table.toString());
  for (const curve of new Set(points.map((point) => point.curve))) printCurve(curve, points);
}

function printCurve(curve: Point['curve'], all: readonly Point[]): void {
  const points = all.filter((point) => point.curve === curve);
  const sizes = [...new Set(points.map(({ at }) => at))].toSorted((a, b) => a - b);
  if (sizes.length < 2) return;
  const table = new Table({ head: [curve, ...sizes.map((size) => size.toLocaleString('en-US'))], style: PLAIN });
  for (const what of new Set(points.map((point) => point.what))) {
    const cells = sizes.map((size) => {
      const point = points.find(({ at, what: of }) => at === size && of === what);
      return point === undefined ? '-' : `${numberText(point.value)} ${point.unit}`.trim();
    });
    table.push([what, ...cells]);
  }
  console.log(table.toString());
}

/** Returns the file's path. */
export function writeResults(bench: Bench, loads: { readonly before: string; readonly after: string }): string {
  const folder = join(import.meta.dirname, 'results');
  mkdirSync(folder, { recursive: true });
  const date = new Date().toISOString();
  const file = join(folder, `bench-${date.replaceAll(':', '')}.json`);
  const { figures, points, options } = bench;
  const asked = { ...options, rows: [...options.rows] };
  const results = figures.map((figure) => ({ ...figure, met: isMet(figure) }));
  const text = JSON.stringify(
    { date, machine: machineText(), loads, options: asked, figures: results, points },
    undefined,
    2,
  );
  writeFileSync(file, `${text}\n`);
  return file;
}

function goVersion(): string {
  try {
    return execFileSync('go', ['env', 'GOVERSION'], { encoding: 'utf8', cwd: import.meta.dirname }).trim();
  } catch {
    return 'no Go';
  }
}
