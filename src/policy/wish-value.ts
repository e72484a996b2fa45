import { BOUNDS } from '../api/bounds.ts';
import { LABEL_VALUE_MAX, labelValueProblem } from '../api/metadata-syntax.ts';
import type { Channel, Overwrite, Wishes } from './program.ts';

/** Wishes for the value, or says why it cannot stand there. */
export function wishValue(wishes: Wishes, channel: Channel, key: string, value: string, overwrite: Overwrite): void {
  const problem = valueProblem(channel, value);
  if (problem === undefined) wishes.write(channel, key, value, overwrite);
  else wishes.fail(channel, key, 'InvalidValue', problem);
}

/** In words that do not show the value: it may come from anywhere in the object, and this goes to status. */
function valueProblem(channel: Channel, value: string): string | undefined {
  if (channel === 'labels') {
    if (labelValueProblem(value) === undefined) return undefined;
    return `the value found is not one for a label, which holds at most ${LABEL_VALUE_MAX} letters, digits, '-', '_' and '.', and begins and ends with a letter or digit`;
  }
  if (value.length <= BOUNDS.annotationValue) return undefined;
  return `the value found has ${value.length} characters, an annotation of a policy at most ${BOUNDS.annotationValue}`;
}
