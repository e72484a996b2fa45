import { randomBytes } from 'node:crypto';
import type { JsonSpan } from './json-cursor.ts';
import { malformed } from './malformed.ts';

/**
 * A string, or an integer of so many digits that it may be none that a number holds exactly. Where no number may stand in JSON none is
 * found: with a zero before it, in place of a key, or in a string without an end.
 */
const STRING_OR_LONG_INTEGER = /"[^"\\]*(?:\\.[^"\\]*)*"|(?<![\d.eE+\\-])-?[1-9]\d{15,}(?![\d.eE]|\s*:)/gsu;

/** Stands before the digits of such an integer while they are text. Nobody outside can know it, so that no text of theirs is taken for one. */
const MARK = `${randomBytes(12).toString('base64url')}:`;

/**
 * The value of a part of an object. Integers that a number cannot hold exactly become BigInt, so that no policy ever
 * judges a rounded one; all others stay numbers. Throws ApiError 'BadResponse'.
 */
export function parseBody(bytes: Buffer, { start, end, hasLongNumber }: JsonSpan): unknown {
  const text = bytes.toString('utf8', start, end);
  try {
    return hasLongNumber ? parseExactly(text) : JSON.parse(text);
  } catch (error) {
    throw malformed('an object that is not JSON', error);
  }
}

/**
 * Has JSON.parse read long integers as marked text, and puts them right afterwards: it would round them, and its reviver costs
 * five times as much. What is no JSON is none with the marks in it either.
 */
function parseExactly(text: string): unknown {
  const marked = text.replaceAll(STRING_OR_LONG_INTEGER, (token) =>
    token.startsWith('"') || Number.isSafeInteger(Number(token)) ? token : `"${MARK}${token}"`,
  );
  const root: unknown[] = [JSON.parse(marked)];
  // No recursion, so that deep nesting is harmless.
  const todo: (unknown[] | Record<string, unknown>)[] = [root];
  for (let container = todo.pop(); container !== undefined; container = todo.pop()) {
    if (Array.isArray(container)) {
      for (let i = 0; i < container.length; i++) {
        const value = container[i];
        if (typeof value === 'string') container[i] = unmarked(value);
        else if (isContainer(value)) todo.push(value);
      }
      continue;
    }
    // Of hundreds of thousands of empty objects a list of their keys would cost more than all the rest.
    for (const key in container) {
      if (!Object.hasOwn(container, key)) continue;
      const value = container[key];
      // The member is its own, whatever its name, so that this changes it and nothing else.
      if (typeof value === 'string') container[key] = unmarked(value);
      else if (isContainer(value)) todo.push(value);
    }
  }
  return root[0];
}

function unmarked(text: string): string | bigint {
  return text.startsWith(MARK) ? BigInt(text.slice(MARK.length)) : text;
}

function isContainer(value: unknown): value is unknown[] | Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
