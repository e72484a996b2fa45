import type { JsonSpan } from './json-cursor.ts';
import { malformed } from './malformed.ts';

/** One JSON token: a string, a number or word, or a single character of structure. */
const TOKEN = /"(?:[^"\\]|\\.)*"|[-+.\w]+|[[\]{}:,]/gsu;

type Container = unknown[] | Record<string, unknown>;

/**
 * The value of a part of an object. Integers that a number cannot hold exactly become BigInt, so that no policy ever
 * judges a rounded one; all others stay numbers. Throws ApiError 'BadResponse'.
 */
export function parseBody(bytes: Buffer, { start, end, hasLongNumber }: JsonSpan): unknown {
  const text = bytes.toString('utf8', start, end);
  try {
    const value: unknown = JSON.parse(text);
    return hasLongNumber ? parseExactly(text) : value;
  } catch (error) {
    throw malformed('an object that is not JSON', error);
  }
}

/**
 * Takes the slow way, token by token: JSON.parse would round, and its reviver costs five times as much. `text` is known
 * to be valid JSON. No recursion, so that deep nesting is harmless.
 */
function parseExactly(text: string): unknown {
  const open: Container[] = [];
  let container: Container = [];
  const root = container;
  let key: string | undefined;
  for (const [token] of text.matchAll(TOKEN)) {
    switch (token.charAt(0)) {
      case ':':
      case ',':
        break;
      case '{':
      case '[': {
        const inner: Container = token === '{' ? {} : [];
        add(container, key, inner);
        open.push(container);
        container = inner;
        key = undefined;
        break;
      }
      case '}':
      case ']':
        container = open.pop() ?? root;
        key = undefined;
        break;
      default:
        if (key === undefined && !Array.isArray(container)) {
          key = String(JSON.parse(token));
        } else {
          add(container, key, scalar(token));
          key = undefined;
        }
    }
  }
  return root[0];
}

function add(container: Container, key: string | undefined, value: unknown): void {
  if (Array.isArray(container)) container.push(value);
  else Object.defineProperty(container, key ?? '', { value, enumerable: true, configurable: true, writable: true });
}

function scalar(token: string): unknown {
  const value: unknown = JSON.parse(token);
  return typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/u.test(token) ? BigInt(token) : value;
}
