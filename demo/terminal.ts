import { styleText } from 'node:util';
import { table, wrap } from './table.ts';

type Style = Parameters<typeof styleText>[0];

const INDENT = '  ';
const MARK = '=> ';
const MAX_WIDTH = 110;
/** Where nobody says how wide it is: a file, a pipe. */
const DEFAULT_WIDTH = 100;
const LABEL_WIDTH = 14;
const TIME_WIDTH = 6;

/** What came of a step: in words, and for the next step. */
export interface Done<T> {
  readonly outcome: string;
  readonly value: T;
}

/** Writes the story. Colours only on a terminal, and not where NO_COLOR is set. */
export class Terminal {
  readonly #out: NodeJS.WriteStream;
  /** The last line is an empty one. */
  #gap = false;
  /** A line is begun and waits for its end. */
  #begun = false;
  #closed = false;

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
  }

  heading(text: string): void {
    this.gap();
    this.#line(this.#styled('bold', text));
    this.gap();
  }

  /** A paragraph. */
  say(text: string): void {
    for (const line of wrap(text, this.#width)) this.#line(INDENT + line);
  }

  /** An empty line; never two of them. */
  gap(): void {
    if (!this.#gap) this.#line('');
    this.#gap = true;
  }

  /** `label` at once; on the same line, once that is known, how long it took and what came of it. */
  async step<T>(label: string, work: () => Promise<Done<T>>): Promise<T> {
    const started = performance.now();
    this.#write(`${INDENT}${label.padEnd(LABEL_WIDTH)}`);
    this.#begun = true;
    const { outcome, value } = await work();
    this.#begun = false;
    const took = duration(performance.now() - started).padStart(TIME_WIDTH);
    const before = LABEL_WIDTH + TIME_WIDTH + INDENT.length;
    const [first = '', ...more] = wrap(outcome, this.#width - before);
    this.#write(`${this.#styled('dim', took)}${INDENT}${first}\n`);
    for (const line of more) this.#line(`${INDENT}${' '.repeat(before)}${line}`);
    return value;
  }

  /** Something that was measured or found out. */
  result(text: string): void {
    const [first = '', ...more] = wrap(text, this.#width - MARK.length);
    this.#line(INDENT + this.#styled('green', MARK) + first);
    for (const line of more) this.#line(INDENT + ' '.repeat(MARK.length) + line);
  }

  table(head: readonly string[], rows: readonly (readonly string[])[]): void {
    const [top = '', ...body] = table(head, rows, this.#width);
    this.gap();
    this.#line(INDENT + this.#styled('dim', top));
    for (const line of body) this.#line(INDENT + line);
    this.gap();
  }

  /** Text as it stands in a file. */
  quote(text: string): void {
    this.gap();
    for (const line of text.trimEnd().split('\n')) this.#line(`${INDENT}${INDENT}${this.#styled('dim', line)}`);
    this.gap();
  }

  /** Names with a word about each. */
  list(entries: readonly (readonly [string, string])[]): void {
    const [, ...lines] = table(['', ''], entries, this.#width);
    for (const line of lines) this.#line(INDENT + line);
  }

  /** Ends a line that was begun; nothing that comes later is written. */
  close(): void {
    if (this.#begun) this.#write('\n');
    this.#closed = true;
  }

  get #width(): number {
    return Math.min(this.#out.columns ?? DEFAULT_WIDTH, MAX_WIDTH) - INDENT.length;
  }

  #styled(style: Style, text: string): string {
    return styleText(style, text, { stream: this.#out });
  }

  #line(text: string): void {
    this.#write(`${text}\n`);
  }

  #write(text: string): void {
    this.#gap = false;
    if (!this.#closed) this.#out.write(text);
  }
}

/** `7 ms`, `1.3 s` */
export function duration(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** `1 write`, `2 writes` */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
