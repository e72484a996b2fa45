/** Values that were parsed from somebody's JSON, of which nothing is known yet. */

export type JsonRecord = Readonly<Record<string, unknown>>;

const NONE: JsonRecord = Object.freeze({});

/** Whether it is an object, and no list. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An object as it is; one without fields for anything else. */
export function recordOf(value: unknown): JsonRecord {
  return isRecord(value) ? value : NONE;
}

/** A list as it is; an empty one for anything else. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as readonly unknown[]) : [];
}

/** '' for what is no text. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** 0 for what is no number. */
export function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}
