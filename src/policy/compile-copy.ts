import type { StringMap } from '../api/object.ts';
import type { Copy } from '../api/write-actions.ts';
import type { CompileDraft } from './compile-draft.ts';
import { KeyPatterns, keyPattern } from './key-patterns.ts';
import { CHANNELS, type Channel, type RuleWrite, type Wishes } from './program.ts';
import { isNamespace } from './subject.ts';
import { wishValue } from './wish-value.ts';

/** `copy` from the object's Namespace. `path`: of the action in the spec. */
export function compileCopy(copy: Copy, path: string, draft: CompileDraft): readonly RuleWrite[] {
  const { except = [], overwrite } = copy;
  const channels = CHANNELS.filter((channel) => copy[channel] !== undefined);
  for (const channel of channels) draft.refuseProtectedIn(channel, copy[channel] ?? [], `${path}.${channel}`);
  draft.namespaceLabels ||= channels.includes('labels');
  draft.namespaceAnnotations ||= channels.includes('annotations');
  const patterns = (channel: Channel) => (copy[channel] ?? []).map((glob) => keyPattern(glob, except));
  const keys = new KeyPatterns({ labels: patterns('labels'), annotations: patterns('annotations') });
  const { protection } = draft;
  const isCopied = (channel: Channel, key: string) => keys.fits(channel, key) && protection(channel, key) === 'Free';
  const choose = { labels: chooser('labels', isCopied), annotations: chooser('annotations', isCopied) };
  const tell = (wishes: Wishes, channel: Channel, map: StringMap) => {
    for (const [key, value] of choose[channel](map)) wishValue(wishes, channel, key, value, overwrite);
  };
  return [
    {
      writes: keys,
      decides: keys,
      wish: ({ kind, namespace, work }, wishes) => {
        if (namespace === 'Unknown') return 'Unknown';
        // A Namespace has nothing to copy from itself.
        if (namespace !== 'NotNamespaced' && !isNamespace(kind)) {
          for (const channel of channels) work.spend(keys.costOn(channel, namespace[channel]));
          for (const channel of channels) tell(wishes, channel, namespace[channel]);
        }
        return 'Told';
      },
    },
  ];
}

type Entries = readonly (readonly [key: string, value: string])[];

/** What is copied of a map. Thousands of objects share their Namespace's maps, which never change: each is looked at once. */
function chooser(channel: Channel, isCopied: (channel: Channel, key: string) => boolean): (map: StringMap) => Entries {
  const known = new WeakMap<StringMap, Entries>();
  return (map) => {
    let entries = known.get(map);
    if (entries === undefined) {
      entries = Object.entries(map).filter(([key]) => isCopied(channel, key));
      known.set(map, entries);
    }
    return entries;
  };
}
