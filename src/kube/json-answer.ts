import { malformed } from './malformed.ts';

/** The object in a JSON body. Throws ApiError 'BadResponse'. */
export function parseAnswer(body: Buffer): Readonly<Record<string, unknown>> {
  let document: unknown;
  try {
    document = JSON.parse(body.toString('utf8'));
  } catch (error) {
    throw malformed('an answer that is not JSON', error);
  }
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    throw malformed('an answer that is not an object');
  }
  return document as Readonly<Record<string, unknown>>;
}
