import { valueIn } from '../api/object.ts';
import type { Rule as RuleSpec } from '../api/rule.ts';
import type { KeyGlobs, Rename } from '../api/write-actions.ts';
import type { CompileDraft } from './compile-draft.ts';
import { KeyPatterns } from './key-patterns.ts';
import { CHANNELS, type Channel, type RuleWrite } from './program.ts';

/** `rename` and `remove`: they bring a key to an end, and do not undo that later. */
export function compileCleanUps({ rename, remove }: RuleSpec, path: string, draft: CompileDraft): readonly RuleWrite[] {
  return [
    ...(rename === undefined ? [] : compileRenames(rename, `${path}.rename`, draft)),
    ...(remove === undefined ? [] : [compileRemove(remove, `${path}.remove`, draft)]),
  ];
}

const NO_KEYS = { labels: [], annotations: [] };

function compileRenames(rename: Rename, path: string, draft: CompileDraft): readonly RuleWrite[] {
  return CHANNELS.flatMap((channel) =>
    (rename[channel] ?? []).map(({ from, to }, i) => {
      draft.refuseProtected(channel, from, `${path}.${channel}[${i}].from`);
      draft.refuseProtected(channel, to, `${path}.${channel}[${i}].to`);
      return renameOf(channel, from, to);
    }),
  );
}

function renameOf(channel: Channel, from: string, to: string): RuleWrite {
  const isFrom = (key: string) => key === from;
  const fromKey = new KeyPatterns({ ...NO_KEYS, [channel]: [from] });
  return {
    writes: new KeyPatterns({ ...NO_KEYS, [channel]: [to] }),
    decides: new KeyPatterns({ ...NO_KEYS, [channel]: [from, to] }),
    wish: ({ object }, wishes) => {
      const value = valueIn(object[channel], from);
      if (value === undefined) wishes.remove(channel, fromKey, isFrom);
      else wishes.move({ channel, from, to, value });
      return 'Told';
    },
  };
}

function compileRemove(remove: KeyGlobs, path: string, draft: CompileDraft): RuleWrite {
  for (const channel of CHANNELS) draft.refuseProtectedIn(channel, remove[channel] ?? [], `${path}.${channel}`);
  const keys = new KeyPatterns({ labels: remove.labels ?? [], annotations: remove.annotations ?? [] });
  const { protection } = draft;
  const channels = CHANNELS.filter((channel) => keys[channel].length > 0);
  const fits = (channel: Channel) => (key: string) => keys.fits(channel, key) && protection(channel, key) === 'Free';
  const isRemoved = { labels: fits('labels'), annotations: fits('annotations') };
  return {
    writes: new KeyPatterns(NO_KEYS),
    decides: keys,
    wish: ({ object, work }, wishes) => {
      for (const channel of channels) work.spend(keys.costOn(channel, object[channel]));
      for (const channel of channels) wishes.remove(channel, keys, isRemoved[channel]);
      return 'Told';
    },
  };
}
