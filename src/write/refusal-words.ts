import type { CachedObject } from '../api/object.ts';
import type { GroupResource } from '../api/resource.ts';
import { withoutValues } from './without-values.ts';

/** Before the words of a webhook, or of a ValidatingAdmissionPolicy: all that comes then is theirs. */
const SPEECH = /\bdenied (?:the )?request: /;

/**
 * What of a refusal may be shown. Admission quotes as it likes, so that what we know of the object is cut out of its
 * words: `known` values, and all texts in what we read of the object. Of a Secret we read nothing, so its words are
 * left out.
 */
export function refusalWords(
  { group, resource }: GroupResource,
  { body }: Pick<CachedObject, 'body'>,
  known: readonly string[],
  message: string,
): string {
  const speech = SPEECH.exec(message);
  if (speech === null) return withoutValues(message, known);
  const begin = speech.index + speech[0].length;
  const who = withoutValues(message.slice(0, begin), known);
  if (group === '' && resource === 'secrets') return `${who} (its words are not shown, as they may quote the Secret)`;
  return `${who} ${withoutValues(message.slice(begin), [...known, ...textsIn(body)])}`;
}

function textsIn(root: unknown): ReadonlySet<string> {
  const texts = new Set<string>();
  const left = [root];
  for (let value = left.pop(); left.length > 0 || value !== undefined; value = left.pop()) {
    if (typeof value === 'string') texts.add(value);
    else if (typeof value === 'object' && value !== null) for (const member of Object.values(value)) left.push(member);
  }
  return texts;
}
