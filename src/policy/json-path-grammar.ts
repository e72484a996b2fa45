import { cutTo, quoted } from '../api/words.ts';

/** One step of a path. */
export type Segment =
  | { readonly kind: 'Name'; readonly name: string }
  | { readonly kind: 'Index'; readonly index: number }
  /** All elements of a list or values of an object. */
  | { readonly kind: 'Wildcard' }
  /** The value itself and all lists and objects below it. */
  | { readonly kind: 'Descend' };

export type ParsedJsonPath =
  | { readonly ok: true; readonly segments: readonly Segment[] }
  /** Reads on after the path of the field. */
  | { readonly ok: false; readonly problem: string };

const STEP =
  /\.(?:(?<name>[A-Za-z_][A-Za-z0-9_-]*)|(?<star>\*))|\[(?:'(?<single>[^'\\]*)'|"(?<double>[^"\\]*)"|(?<index>\d{1,9})|(?<all>\*))\]/y;

/**
 * The segments after `$`. JSONPath without filters, scripts, slices, unions and parent operators:
 * `$.spec.containers[*].image`, `$.metadata.labels['a.b/c']`, `$.spec..image`. What stands in quotes is a name, whatever it is.
 */
export function parseJsonPath(text: string): ParsedJsonPath {
  if (!text.startsWith('$')) return wrong("must begin with '$'");
  const segments: Segment[] = [];
  let at = 1;
  while (at < text.length) {
    const start = at;
    if (text.startsWith('..', at)) {
      if (segments.some(({ kind }) => kind === 'Descend')) {
        return wrong(`may hold '..' once, found a second one at ${shown(text, at)}`);
      }
      segments.push({ kind: 'Descend' });
      // The second dot is that of '.name', but for '..[0]'.
      at += text.startsWith('[', at + 2) ? 2 : 1;
    }
    STEP.lastIndex = at;
    const groups = STEP.exec(text)?.groups;
    if (groups === undefined) return wrong(problemAt(text, start));
    segments.push(segmentOf(groups));
    at = STEP.lastIndex;
  }
  return { ok: true, segments };
}

function segmentOf(groups: Readonly<Record<string, string | undefined>>): Segment {
  const name = groups['name'] ?? groups['single'] ?? groups['double'];
  if (name !== undefined) return { kind: 'Name', name };
  return groups['index'] === undefined ? { kind: 'Wildcard' } : { kind: 'Index', index: Number(groups['index']) };
}

function problemAt(text: string, at: number): string {
  const rest = text.slice(at);
  const where = shown(text, at);
  if (/^(?:\.\.)?\[[?(]/.test(rest)) {
    return `must not hold filters or scripts, found one at ${where}; use a CEL expression for that`;
  }
  if (rest.startsWith('.')) {
    return `must have a field name or '*' after '.', found ${where}; a name with other characters is written ['like.this']`;
  }
  return `is not understood at ${where}; allowed are .name, ['name'], .*, .., [0] and [*]`;
}

function shown(text: string, at: number): string {
  return quoted(cutTo(24, text.slice(at)));
}

function wrong(problem: string): ParsedJsonPath {
  return { ok: false, problem };
}
