import { listedUpTo } from '../api/words.ts';
import { KeyPatterns } from './key-patterns.ts';
import { describeKey, truncate } from './messages.ts';
import type { Channel, Program, Result, Rule } from './program.ts';
import type { Verdict } from './verdict.ts';
import type { Winners } from './winners.ts';

/** A key of an object that others fight us for. */
export interface ContendedKey {
  readonly channel: Channel;
  readonly key: string;
  /** It stays as it is for now; otherwise it is just being tried again. */
  readonly left: boolean;
  /** `Changed`: somebody changed it back; `Restless`: what it depends on does not come to rest. */
  readonly why: 'Changed' | 'Restless';
  /** Field managers that own the key; empty while that is not known. */
  readonly managers: readonly string[];
  /** The rule that decides the key. */
  readonly program: Program;
  readonly rule: Rule;
}

/** Policies that undo one another's writes on an object, so that writes would never end. */
export interface Oscillation {
  /** By policy, the rule that has a part in it. */
  readonly rules: ReadonlyMap<string, Rule>;
  readonly keys: readonly (readonly [Channel, string])[];
}

/** Why an object, or some of its keys, are not written for now. */
export interface Contention {
  readonly keys: readonly ContendedKey[];
  /** Nothing at all is written to the object. */
  readonly oscillation: Oscillation | undefined;
}

/** What is held, with the keys that are left alone: those of ours that nothing wants stay too. */
export function withLeftKeys(
  held: ReadonlyMap<string, KeyPatterns>,
  { keys }: Contention,
): ReadonlyMap<string, KeyPatterns> {
  const left = (wanted: Channel) =>
    keys.flatMap(({ channel, key, left: isLeft }) => (isLeft && channel === wanted ? [key] : []));
  // No policy has an empty name.
  return new Map(held).set('', new KeyPatterns({ labels: left('labels'), annotations: left('annotations') }));
}

/** The winners, with keys that are left alone held as they are. */
export function withoutContended(winners: Winners, { keys }: Contention): Winners {
  const labels = new Map(winners.labels);
  const annotations = new Map(winners.annotations);
  const left = { labels, annotations };
  for (const { channel, key, left: isLeft } of keys) {
    const winner = winners[channel].get(key);
    if (isLeft && winner !== undefined) left[channel].set(key, { ...winner, kind: 'Hold' });
  }
  return left;
}

/** The verdicts, with what the policies that are concerned have to say about the contention. */
export function withContention(
  programs: readonly Program[],
  verdicts: readonly Verdict[],
  { keys, oscillation }: Contention,
): readonly Verdict[] {
  return verdicts.map((verdict, i) => {
    const program = programs[i];
    if (program?.mode !== 'Enforce') return verdict;
    const results = keys.flatMap((key) => (key.program === program ? [yieldedTo(key)] : []));
    const rule = oscillation?.rules.get(program.policy);
    if (oscillation !== undefined && rule !== undefined) results.push(oscillates(oscillation, rule));
    return results.length === 0 ? verdict : { ...verdict, results: [...verdict.results, ...results] };
  });
}

/** The same words as long as the fight goes on, so that a status does not change with each turn of it. */
function yieldedTo({ channel, key, why, managers, rule: { name: rule, severity } }: ContendedKey): Result {
  const names = managers.map((manager) => `'${manager}'`).join(', ');
  const who = names === '' ? 'another manager' : `${managers.length === 1 ? 'manager' : 'managers'} ${names}`;
  const cause =
    why === 'Changed'
      ? `${who} changed it back more than 3 times within a minute`
      : 'what it depends on changed it more than 20 times within a minute';
  const message = `${describeKey(channel, key)} is left alone for a while, then tried again: ${cause}`;
  return { rule, result: 'Yielded', code: 'Contended', severity, message: truncate(message) };
}

/** Policies and keys named. */
const SHOWN = 3;

function oscillates({ rules, keys }: Oscillation, { name: rule, severity }: Rule): Result {
  const policies = [...rules.keys()].toSorted().map((policy) => `'${policy}'`);
  const who =
    policies.length === 1
      ? `policy ${policies[0]} undoes its own writes`
      : `policies ${listedUpTo(SHOWN, policies)} undo each other's writes`;
  const what = keys.map(([channel, key]) => describeKey(channel, key)).toSorted();
  const message = `${who} of ${listedUpTo(SHOWN, what)} without end; nothing is written here until a policy or the object changes`;
  return { rule, result: 'Yielded', code: 'SelfOscillation', severity, message: truncate(message) };
}
