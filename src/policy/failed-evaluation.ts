import type { EvaluationInput } from './evaluate.ts';
import { resultOf } from './intent.ts';
import { type Answer, CHANNELS, type Program } from './program.ts';
import { indexOf } from './program-index.ts';
import { subjectOf } from './subject.ts';
import { sharedVerdict, UNMATCHED, type Verdict } from './verdict.ts';
import { Work, WorkPool } from './work.ts';

/** What the operator did with an object as it failed. */
export type Doing = 'Evaluate' | 'Compare' | 'Record';

const WORDS: Record<Doing, string> = {
  Evaluate: 'worked out what policies say about the object',
  Compare: 'compared the object with what policies want of it',
  Record: 'recorded what policies say about the object',
};

/**
 * What policies say about an object with which the operator itself failed: an Error of each that is about it, as far as that
 * can be known. What was thrown is not told, as it may have values in it.
 */
export function failedVerdicts(input: EvaluationInput, doing: Doing): readonly Verdict[] {
  const { programs } = input;
  const message =
    `this is a defect in the operator: it failed unexpectedly as it ${WORDS[doing]}; ` +
    'that is tried again, and the log of the operator has more';
  const pool = new WorkPool(programs.length);
  const verdicts: Verdict[] = programs.map(() => UNMATCHED);
  for (const place of candidatesFor(input)) {
    const program = programs[place];
    if (program !== undefined) verdicts[place] = failedVerdict(input, program, new Work(pool), message);
  }
  return verdicts;
}

/** Places in the list of programs; all where it is this that fails. */
function candidatesFor(input: EvaluationInput): Iterable<number> {
  const { programs } = input;
  try {
    return indexOf(programs).candidates(input);
  } catch {
    return programs.keys();
  }
}

function failedVerdict(input: EvaluationInput, program: Program, work: Work, message: string): Verdict {
  const answer = answerOf(input, program, work);
  const owned = mayOwn(input, program, answer !== 'No');
  const rule = program.rules.find(({ writes }) => writes.length > 0) ?? program.rules[0];
  const results = answer === 'No' || rule === undefined ? [] : [resultOf(rule, 'Error', 'InternalError', message)];
  return sharedVerdict(answer === 'Yes', owned, false, results);
}

/** Whether the policy is about the object; Unknown also where it is this that fails. */
function answerOf({ object, kind, sightOf, namespaceOf }: EvaluationInput, program: Program, work: Work): Answer {
  if (program.mode === 'Suspended') return 'No';
  try {
    const sight = sightOf?.(program) ?? { object, kind };
    if (sight === 'NotServed') return 'No';
    const seen = sight === 'Pending' ? { object: { ...object, body: undefined }, kind } : sight;
    const answer = program.matches(subjectOf(seen.object, seen.kind, program.writes, namespaceOf, work));
    return sight === 'Pending' && answer === 'Yes' ? 'Unknown' : answer;
  } catch {
    return 'Unknown';
  }
}

/** Whether a key of ours on the object may be there because of the policy. */
function mayOwn({ object, held }: EvaluationInput, program: Program, isAbout: boolean): boolean {
  const writes = isAbout && program.mode === 'Enforce' ? program.writes : undefined;
  const kept = held.get(program.policy);
  return CHANNELS.some((channel) =>
    [...object.applied[channel], ...object.retained[channel]].some(
      (key) => writes?.fits(channel, key) === true || kept?.fits(channel, key) === true,
    ),
  );
}
