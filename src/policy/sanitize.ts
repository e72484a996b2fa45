import { createHash } from 'node:crypto';
import { BOUNDS } from '../api/bounds.ts';
import { LABEL_VALUE_MAX, labelValueProblem } from '../api/metadata-syntax.ts';
import { cutTo } from '../api/words.ts';
import type { Channel } from './program.ts';

/** Characters of the SHA-256 that tells apart what was cut alike. */
const DIGEST_LENGTH = 8;

/**
 * A value made to fit where it is to stand; undefined when nothing of it can. Frozen: it decides values in users' clusters.
 * docs/values.md has the algorithm in words, with vectors. A value that fits already stays as it is.
 */
export function sanitize(channel: Channel, value: string): string | undefined {
  return channel === 'labels' ? sanitizeLabel(value) : sanitizeAnnotation(value);
}

function sanitizeLabel(value: string): string | undefined {
  if (labelValueProblem(value) === undefined) return value;
  const legal = trimEnd(value.replaceAll(/[^-A-Za-z0-9_.]+/g, '-').replace(/^[-_.]+/, ''));
  if (legal === '') return undefined;
  if (legal.length <= LABEL_VALUE_MAX) return legal;
  return `${trimEnd(legal.slice(0, LABEL_VALUE_MAX - 1 - DIGEST_LENGTH))}-${digest(value)}`;
}

function sanitizeAnnotation(value: string): string {
  if (value.length <= BOUNDS.annotationValue) return value;
  return `${cutTo(BOUNDS.annotationValue - 1 - DIGEST_LENGTH, value)}-${digest(value)}`;
}

/** From behind by hand: an expression for it would be quadratic on long runs. */
function trimEnd(text: string): string {
  let end = text.length;
  while (end > 0 && '-_.'.includes(text.charAt(end - 1))) end--;
  return text.slice(0, end);
}

function digest(value: string): string {
  return createHash('sha256').update(value, 'utf8').digest('hex').slice(0, DIGEST_LENGTH);
}
