import * as z from 'zod';
import { type CachedObject, type KeySet, NO_KEYS, OWN_KEYS, type OwnValues, valueIn } from '../api/object.ts';
import { unionOfKeys } from './key-sets.ts';

const values = z.record(z.string(), z.string()).default({});
const channels = z.object({ labels: values, annotations: values }).prefault({});
const ownValuesSchema = z.object({ applied: channels, retained: channels });

/**
 * An object on which a record of our keys stands, with what it says taken in: a key with the value that we wrote is
 * ours. All others are handed back as they are. A record that cannot be read says nothing.
 */
export function withRecord(object: CachedObject): CachedObject {
  const text = valueIn(object.annotations, OWN_KEYS);
  if (text === undefined) return object;
  const { [OWN_KEYS]: _, ...annotations } = object.annotations;
  const bare = { ...object, annotations };
  const recorded = parse(text);
  const record = { values: recorded, byApply: { applied: object.applied, retained: object.retained } };
  return {
    ...bare,
    applied: unionOfKeys(object.applied, standing(bare, recorded.applied)),
    retained: unionOfKeys(object.retained, standing(bare, recorded.retained)),
    record,
  };
}

/** For the annotation; undefined when nothing is ours. */
export function recordText({ applied, retained }: OwnValues): string | undefined {
  const isEmpty = [applied, retained].every(
    ({ labels, annotations }) => Object.keys(labels).length + Object.keys(annotations).length === 0,
  );
  return isEmpty ? undefined : JSON.stringify({ applied, retained });
}

/** What somebody has given another value, or has removed, is not ours any more. */
function standing(object: CachedObject, { labels, annotations }: OwnValues['applied']): KeySet {
  const keys = {
    labels: Object.keys(labels).filter((key) => valueIn(object.labels, key) === labels[key]),
    annotations: Object.keys(annotations).filter((key) => valueIn(object.annotations, key) === annotations[key]),
  };
  return keys.labels.length + keys.annotations.length === 0 ? NO_KEYS : keys;
}

function parse(text: string): OwnValues {
  try {
    return ownValuesSchema.parse(JSON.parse(text));
  } catch {
    return ownValuesSchema.parse({ applied: {}, retained: {} });
  }
}
