import Table from 'cli-table3';
import { counted } from '../api/words.ts';
import type { KindCleanup } from '../write/cleanup.ts';

export interface CleanupSummary {
  readonly kinds: readonly KindCleanup[];
  readonly dryRun: boolean;
  /** Keys that are to stay were to go too. */
  readonly retained: boolean;
}

/** Plain text, without colours and lines, so that it can be read by people and cut by `awk`. */
const CHARACTERS = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '   ',
};

/** What came of a cleanup: a line for each kind about which there is something to say, and what it comes to. */
export function cleanupReport({ kinds, dryRun, retained }: CleanupSummary): string {
  const told = kinds.filter((kind) => kind.found + kind.retained + kind.protected > 0 || kind.problem !== undefined);
  const lines: string[] = [];
  if (told.length > 0) lines.push(tableOf(told, dryRun), '');
  const sum = (count: (kind: KindCleanup) => number) => kinds.reduce((total, kind) => total + count(kind), 0);
  const looked = `Looked at ${counted(
    sum(({ objects }) => objects),
    'object',
    'objects',
  )} of ${counted(kinds.length, 'kind', 'kinds')}`;
  const found = sum((kind) => kind.found);
  const keys = sum(({ labels }) => labels) + sum(({ annotations }) => annotations);
  const onThem = `${counted(keys, 'key', 'keys')} on ${counted(found, 'object', 'objects')}`;
  if (found === 0) lines.push(`${looked}; there is nothing to remove.`);
  else if (dryRun) lines.push(`${looked}; would remove ${onThem}. Nothing was changed.`);
  else lines.push(`${looked}; cleaned ${sum(({ cleaned }) => cleaned)} of ${counted(found, 'object', 'objects')}.`);
  const kept = sum((kind) => kind.retained);
  if (kept > 0 && !retained) {
    lines.push(
      `${counted(kept, 'key is', 'keys are')} to stay (removalPolicy Retain, or renamed) and ${kept === 1 ? 'was' : 'were'} left; --retained removes ${kept === 1 ? 'it' : 'them'} too.`,
    );
  }
  const untouched = sum((kind) => kind.protected);
  if (untouched > 0) {
    lines.push(
      untouched === 1
        ? '1 protected key was left, as no policy may write it; --allow-keys removes it where the operator was allowed to write it.'
        : `${untouched} protected keys were left, as no policy may write them; --allow-keys removes those that the operator was allowed to write.`,
    );
  }
  const troubled = kinds.filter(({ problem }) => problem !== undefined).length;
  if (troubled > 0) lines.push(`${counted(troubled, 'kind was', 'kinds were')} not finished; see RESULT.`);
  return `${lines.join('\n')}\n`;
}

function tableOf(kinds: readonly KindCleanup[], dryRun: boolean): string {
  const table = new Table({
    head: ['KIND', 'OBJECTS', 'WITH KEYS', 'LABELS', 'ANNOTATIONS', 'RETAINED', 'PROTECTED', 'RESULT'],
    chars: CHARACTERS,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0, compact: true },
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right', 'right', 'left'],
  });
  for (const kind of kinds) {
    const { objects, found, labels, annotations, retained, protected: untouched } = kind;
    table.push([kind.kind, objects, found, labels, annotations, retained, untouched, resultOf(kind, dryRun)]);
  }
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

function resultOf({ found, cleaned, problem }: KindCleanup, dryRun: boolean): string {
  if (problem !== undefined) return found === 0 || dryRun ? problem : `${cleaned} of ${found} cleaned; ${problem}`;
  if (found === 0) return 'nothing to remove';
  return dryRun ? 'would be cleaned' : 'cleaned';
}
