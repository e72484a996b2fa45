import type { CachedObject } from '../api/object.ts';
import type { GroupResource } from '../api/resource.ts';
import { withoutValues } from '../kube/without-values.ts';

/** Before the words of a webhook, or of a ValidatingAdmissionPolicy: all that comes then is theirs. */
const SPEECH = /\bdenied (?:the )?request: /;

/**
 * What of a refusal may be shown. Admission and the rules of a CRD quote as they like, so that what we know of the object
 * is cut out: `known` values, and all texts in what we read of the object. Of a Secret we read nothing, so the words of
 * admission are left out.
 */
export function refusalWords(
  { group, resource }: GroupResource,
  { body }: Pick<CachedObject, 'body'>,
  known: readonly string[],
  message: string,
): string {
  const speech = SPEECH.exec(message);
  if (speech === null || group !== '' || resource !== 'secrets')
    return withoutValues(message, known.concat(textsIn(body)));
  const who = withoutValues(message.slice(0, speech.index + speech[0].length), known);
  return `${who} (its words are not shown, as they may quote the Secret)`;
}

function textsIn(root: unknown): readonly string[] {
  const texts: string[] = [];
  const left = [root];
  for (let value = left.pop(); left.length > 0 || value !== undefined; value = left.pop()) {
    if (typeof value === 'string') texts.push(value);
    else if (typeof value === 'object' && value !== null) for (const member of Object.values(value)) left.push(member);
  }
  return texts;
}
