import type { Rule as RuleSpec } from '../api/rule.ts';
import { compileCleanUps } from './compile-clean-ups.ts';
import { compileCopy } from './compile-copy.ts';
import type { CompileDraft } from './compile-draft.ts';
import { KeyPatterns } from './key-patterns.ts';
import { CHANNELS, type Channel, type Overwrite, type RuleWrite, type ValueSource } from './program.ts';
import { compileSource } from './source.ts';
import { wishValue } from './wish-value.ts';

/** What a rule writes and removes. `path`: of the rule in the spec. */
export function compileWrites(rule: RuleSpec, path: string, draft: CompileDraft): readonly RuleWrite[] {
  return [
    ...compileWanted(rule, 'set', 'Always', path, draft),
    ...compileWanted(rule, 'default', 'IfAbsent', path, draft),
    ...(rule.copy === undefined ? [] : compileCopy(rule.copy, `${path}.copy`, draft)),
    ...compileCleanUps(rule, path, draft),
  ];
}

/** `set` and `default`. */
function compileWanted(
  rule: RuleSpec,
  action: 'set' | 'default',
  overwrite: Overwrite,
  path: string,
  draft: CompileDraft,
): readonly RuleWrite[] {
  const writes: RuleWrite[] = [];
  for (const channel of CHANNELS) {
    for (const [i, wanted] of (rule[action]?.[channel] ?? []).entries()) {
      const at = `${path}.${action}.${channel}[${i}]`;
      draft.refuseProtected(channel, wanted.key, `${at}.key`);
      const source = compileSource(wanted, channel, at, draft);
      if (source !== undefined) writes.push(writeOf(channel, wanted.key, overwrite, source));
    }
  }
  return writes;
}

function writeOf(channel: Channel, key: string, overwrite: Overwrite, source: ValueSource): RuleWrite {
  const keys = new KeyPatterns({ labels: [], annotations: [], [channel]: [key] });
  return {
    writes: keys,
    decides: keys,
    wish: (subject, wishes) => {
      const found = source(subject);
      if (found.kind === 'Unknown') return 'Unknown';
      if (found.kind === 'Error') wishes.fail(channel, key, found.code, found.message);
      else if (found.kind === 'Value') wishValue(wishes, channel, key, found.value, overwrite);
      return 'Told';
    },
  };
}
