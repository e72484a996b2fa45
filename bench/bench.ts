import { readFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Built, buildProduct } from '../scripts/build.ts';
import { Watchdog } from '../test/cluster/watchdog.ts';
import { finalStage } from '../test/support/dockerfile.ts';
import { buildBaseline } from './baseline.ts';
import { type Figure, numberText, type Point, ROWS, type RowId } from './figures.ts';

const root = dirname(import.meta.dirname);

/** As in the image: `/nodejs/bin/node FLAGS /app/watchkeeper.js`. */
export const NODE_FLAGS = finalStage(readFileSync(join(root, 'Dockerfile'), 'utf8')).entrypoint.slice(1, -1);

export interface BenchOptions {
  readonly rows: ReadonlySet<RowId>;
  /** Of the largest populations; rows about fewer take as many as they say, and never more than this. */
  readonly objects: number;
  readonly kinds: number;
  readonly policies: number;
  /** Runs of each that take part in a comparison. */
  readonly repeat: number;
  /** Also with fewer objects, kinds and policies. */
  readonly curves: boolean;
  /** Of the operator beside another client (P14); undefined: its default. */
  readonly writeConcurrency: string | undefined;
}

/** One run of the benchmarks: what was asked for, what is built once for all rows, and what came out. */
export class Bench {
  readonly options: BenchOptions;
  /** Gone at the end, with all processes, however this one ends. */
  readonly folder: string;
  readonly watchdog: Watchdog;
  readonly figures: Figure[] = [];
  readonly points: Point[] = [];
  readonly #began = performance.now();
  readonly #bundles = new Map<string, Promise<Built>>();
  #baseline: Promise<string | undefined> | undefined;

  private constructor(options: BenchOptions, folder: string) {
    this.options = options;
    this.folder = folder;
    this.watchdog = new Watchdog(folder);
  }

  static async start(options: BenchOptions): Promise<Bench> {
    return new Bench(options, await mkdtemp(join(tmpdir(), 'watchkeeper-bench-')));
  }

  wants(...rows: readonly RowId[]): boolean {
    return rows.some((row) => this.options.rows.has(row));
  }

  say(line: string): void {
    console.log(`${((performance.now() - this.#began) / 1_000).toFixed(0).padStart(5)} s  ${line}`);
  }

  record(figure: Figure): void {
    if (!this.wants(figure.row)) return;
    this.figures.push(figure);
    const { row, what, value, unit, detail } = figure;
    const text = value === undefined ? 'none' : `${numberText(value)} ${unit}`.trim();
    this.say(`${row} (${ROWS[row]}): ${what}: ${text}${detail === undefined ? '' : `; ${detail}`}`);
  }

  point(point: Point): void {
    this.points.push(point);
  }

  /** The largest, and with `--curves` what is usual below it; in rising order. */
  sizes(largest: number, usual: readonly number[]): readonly number[] {
    return this.options.curves ? [...usual.filter((size) => size < largest), largest] : [largest];
  }

  /** The product as its users get it. */
  async product(): Promise<Built> {
    return this.#bundle('src/main.ts');
  }

  /** Path of a child of the benchmarks, bundled as the product is. */
  async child(name: string): Promise<string> {
    return (await this.#bundle(`bench/children/${name}.ts`)).bundle;
  }

  /** Path of the Go baseline; undefined where it cannot be built, which is said once. */
  async baseline(): Promise<string | undefined> {
    this.#baseline ??= buildBaseline(this.folder, (line) => this.say(line));
    return this.#baseline;
  }

  async end(): Promise<void> {
    await this.watchdog.release();
  }

  #bundle(entry: string): Promise<Built> {
    let built = this.#bundles.get(entry);
    if (built === undefined) {
      built = buildProduct(join(root, entry), join(this.folder, entry.replaceAll('/', '-')));
      this.#bundles.set(entry, built);
    }
    return built;
  }
}
