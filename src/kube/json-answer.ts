import { isRecord, type JsonRecord } from '../base/json-value.ts';
import { malformed } from './malformed.ts';

/** The object in a JSON body. Throws ApiError 'BadResponse'. */
export function parseAnswer(body: Buffer): JsonRecord {
  let document: unknown;
  try {
    document = JSON.parse(body.toString('utf8'));
  } catch (error) {
    throw malformed('an answer that is not JSON', error);
  }
  if (!isRecord(document)) throw malformed('an answer that is not an object');
  return document;
}
