/** What can be asked for by `--rows`, and what each row is about. */
export const ROWS = {
  P1: 'first sync beside client-go',
  P2: 'resident memory beside client-go',
  P3: 'heap of a cached object',
  P4: 'labels beside bare applies',
  P5: 'objects that come steadily',
  P6: 'a kind that comes late',
  P7: 'many watched kinds',
  P8: 'many policies on one kind',
  P9: 'at rest',
  P10: 'the event loop in a large list',
  P11: 'start',
  P12: 'events that ask for nothing',
  P13: 'a restart where all is well',
  P14: 'the API server as others see it',
  P15: 'beside tuned metacontroller',
  P16: 'violations in the status',
} as const;

export type RowId = keyof typeof ROWS;

export function isRowId(text: string): text is RowId {
  return Object.hasOwn(ROWS, text);
}

export type Target = { readonly atMost: number } | { readonly atLeast: number };

/** One thing that was measured. */
export interface Figure {
  readonly row: RowId;
  readonly what: string;
  /** Undefined where it could not be measured: `detail` says why. */
  readonly value: number | undefined;
  /** '' for ratios and counts. */
  readonly unit: string;
  /** Absent where it is only told. */
  readonly target?: Target;
  /** What the value is made of. */
  readonly detail?: string;
}

/** How something grows with the number of objects, kinds or policies. */
export interface Point {
  readonly curve: 'objects' | 'kinds' | 'policies';
  readonly at: number;
  readonly what: string;
  readonly value: number;
  readonly unit: string;
}

/** Undefined where there is no target, or no value. */
export function isMet({ value, target }: Figure): boolean | undefined {
  if (target === undefined || value === undefined) return undefined;
  return 'atMost' in target ? value <= target.atMost : value >= target.atLeast;
}

export function targetText(target: Target | undefined): string {
  if (target === undefined) return '';
  return 'atMost' in target ? `<= ${numberText(target.atMost)}` : `>= ${numberText(target.atLeast)}`;
}

/** As many digits as anybody can use. */
export function numberText(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 0.095 ? 2 : 3;
  return Number(value.toFixed(digits)).toLocaleString('en-US', { maximumFractionDigits: digits });
}
