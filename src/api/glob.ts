export interface GlobOptions {
  /** With a separator `*` stops at it and only `**` crosses it. Without one `*` matches everything. */
  readonly separator?: '/';
}

/**
 * Compiles a glob over a whole text. Only `*` is special: any run of characters, also none. No pattern and no text makes
 * matching slow: at most one step for each pair of a pattern's and a text's character.
 */
export function compileGlob(pattern: string, { separator }: GlobOptions = {}): (text: string) => boolean {
  if (!pattern.includes('*')) return (text) => text === pattern;
  if (separator === undefined) return compilePieces(pattern);
  const [head = '', tail = '', ...more] = pattern.split(/\*+/);
  return isOneStar(pattern, more.length)
    ? compileOneStar(head, tail, separator)
    : compileSteps(pattern.slice(head.length), head, separator);
}

/**
 * How many steps it takes at most for each character of a text to match a glob with a separator; 0 where these are next
 * to nothing.
 */
export function stepsOfGlob(pattern: string): number {
  const [head = '', , ...more] = pattern.split(/\*+/);
  return !pattern.includes('*') || isOneStar(pattern, more.length) ? 0 : STEP_COST + pattern.length - head.length;
}

/** What each character costs beside the steps, in steps. */
const STEP_COST = 8;

function isOneStar(pattern: string, moreStars: number): boolean {
  return moreStars === 0 && !pattern.includes('**');
}

/** By far the most globs over keys: `acme.io/*`. */
function compileOneStar(head: string, tail: string, separator: string): (text: string) => boolean {
  return (text) => {
    if (text.length < head.length + tail.length || !text.startsWith(head) || !text.endsWith(tail)) return false;
    const stop = text.indexOf(separator, head.length);
    return stop === -1 || stop >= text.length - tail.length;
  };
}

/** The first and last piece are fixed to the ends; for those between, the earliest place is as good as any other. */
function compilePieces(pattern: string): (text: string) => boolean {
  const pieces = pattern.split(/\*+/);
  const head = pieces[0] ?? '';
  const tail = pieces.at(-1) ?? '';
  const middle = pieces.slice(1, -1);
  return (text) => {
    if (text.length < head.length + tail.length || !text.startsWith(head) || !text.endsWith(tail)) return false;
    const end = text.length - tail.length;
    let at = head.length;
    for (const piece of middle) {
      const found = text.indexOf(piece, at);
      if (found === -1) return false;
      at = found + piece.length;
    }
    return at <= end;
  };
}

type Step = { readonly kind: 'Char'; readonly char: string } | { readonly kind: 'Star'; readonly crosses: boolean };

/**
 * With two kinds of star the earliest place is not always right, so all places are followed at once. `rest`: from the
 * first star on.
 */
function compileSteps(rest: string, head: string, separator: string): (text: string) => boolean {
  const steps: Step[] = [];
  for (const [run] of rest.matchAll(/\*+|[^*]/gu)) {
    steps.push(run.startsWith('*') ? { kind: 'Star', crosses: run.length > 1 } : { kind: 'Char', char: run });
  }
  return (text) => {
    if (!text.startsWith(head)) return false;
    let reached = new Uint8Array(steps.length + 1);
    reach(reached, 0, steps);
    for (const char of text.slice(head.length)) {
      const next = new Uint8Array(steps.length + 1);
      for (const [index, step] of steps.entries()) {
        if (reached[index] === 0) continue;
        if (step.kind === 'Char') {
          if (step.char === char) reach(next, index + 1, steps);
        } else if (step.crosses || char !== separator) {
          reach(next, index, steps);
        }
      }
      reached = next;
    }
    return reached[steps.length] === 1;
  };
}

/** Marks a place before a step, and those behind stars from there on, since a star may match nothing. */
function reach(places: Uint8Array, from: number, steps: readonly Step[]): void {
  let place = from;
  places[place] = 1;
  while (steps[place]?.kind === 'Star') {
    place++;
    places[place] = 1;
  }
}
