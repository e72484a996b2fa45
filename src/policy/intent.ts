import { BOUNDS } from '../api/bounds.ts';
import { LABEL_VALUE_MAX, labelValueProblem } from '../api/metadata-syntax.ts';
import type { CachedObject } from '../api/object.ts';
import { describeKey, truncate } from './messages.ts';
import type { Channel, KeyWrite, KindContext, NamespaceLookup, Program, Result, ResultCode, Rule } from './program.ts';
import { subjectOf } from './subject.ts';

/** What a rule wants of a key: a value, or (`Hold`) that it stays as it is, because the rule cannot say now. */
export interface Intent {
  readonly kind: 'Write' | 'Hold';
  /** In the order of precedence over all policies on the object: the smallest wins a key. */
  readonly place: number;
  readonly program: Program;
  readonly rule: Rule;
  readonly channel: Channel;
  readonly key: string;
  readonly overwrite: KeyWrite['overwrite'];
  /** '' for a Hold. */
  readonly value: string;
}

/** What one policy wants of an object, before it is known which policy wins which key. */
export interface Draft {
  readonly program: Program;
  readonly matched: boolean;
  /** Something that the answer depends on was not seen yet. */
  readonly pending: boolean;
  readonly intents: readonly Intent[];
  /** Of rules that cannot say what they want. */
  readonly errors: readonly Result[];
}

/** `place`: that of the first intent, one more than that of the last one of the policy before. */
export function draftOf(
  program: Program,
  object: CachedObject,
  kind: KindContext,
  namespaceOf: NamespaceLookup,
  place: number,
): Draft {
  if (program.mode === 'Suspended') return silent(program);
  const subject = subjectOf(object, kind, program.writes, namespaceOf);
  const answer = program.matches(subject);
  if (answer === 'No') return silent(program);
  let pending = answer === 'Unknown';
  const intents: Intent[] = [];
  const errors: Result[] = [];
  const add = (wish: Intent['kind'], value: string, rule: Rule, { channel, key, overwrite }: KeyWrite) => {
    intents.push({ kind: wish, place: place + intents.length, program, rule, channel, key, overwrite, value });
  };
  const fail = (code: ResultCode, why: string, rule: Rule, write: KeyWrite) => {
    add('Hold', '', rule, write);
    errors.push(resultOf(rule, 'Error', code, `${describeKey(write.channel, write.key)} cannot be written: ${why}`));
  };
  for (const rule of program.rules) {
    for (const write of rule.writes) {
      const found = answer === 'Unknown' ? UNKNOWN : write.source(subject);
      switch (found.kind) {
        case 'Value': {
          const problem = valueProblem(write.channel, found.value);
          if (problem === undefined) add('Write', found.value, rule, write);
          else fail('InvalidValue', problem, rule, write);
          break;
        }
        case 'Error':
          fail(found.code, found.message, rule, write);
          break;
        case 'Unknown':
          pending = true;
          add('Hold', '', rule, write);
          break;
        case 'Empty':
          break;
      }
    }
  }
  return { program, matched: answer === 'Yes', pending, intents, errors };
}

const UNKNOWN = { kind: 'Unknown' } as const;

function silent(program: Program): Draft {
  return { program, matched: false, pending: false, intents: NONE, errors: NONE };
}

const NONE: readonly never[] = [];

/** In words that do not show the value: it may come from anywhere in the object, and this goes to status. */
function valueProblem(channel: Channel, value: string): string | undefined {
  if (channel === 'labels') {
    if (labelValueProblem(value) === undefined) return undefined;
    return `the value found is not one for a label, which holds at most ${LABEL_VALUE_MAX} letters, digits, '-', '_' and '.', and begins and ends with a letter or digit`;
  }
  if (value.length <= BOUNDS.annotationValue) return undefined;
  return `the value found has ${value.length} characters, an annotation of a policy at most ${BOUNDS.annotationValue}`;
}

export function resultOf(rule: Rule, result: Result['result'], code: ResultCode, message: string): Result {
  return { rule: rule.name, result, code, severity: rule.severity, message: truncate(message) };
}
