import { protectionOf } from '../api/protected-keys.ts';
import type { Rule as RuleSpec } from '../api/rule.ts';
import { quoted } from '../api/words.ts';
import type { CompileDraft } from './compile-draft.ts';
import type { Channel, KeyWrite } from './program.ts';
import { compileSource } from './source.ts';

/** The keys that a rule writes. `path`: of the rule in the spec. */
export function compileWrites(rule: RuleSpec, path: string, draft: CompileDraft): readonly KeyWrite[] {
  const writes: KeyWrite[] = [];
  for (const channel of ['labels', 'annotations'] as const) {
    for (const [action, overwrite] of [
      ['set', 'Always'],
      ['default', 'IfAbsent'],
    ] as const) {
      for (const [i, key] of (rule[action]?.[channel] ?? []).entries()) {
        const at = `${path}.${action}.${channel}[${i}]`;
        refuseProtected(channel, key.key, `${at}.key`, draft);
        const compiled = compileSource(key);
        if (!compiled.ok) {
          draft.refuse(`${at}.${compiled.path}`, compiled.problem);
          continue;
        }
        draft.reads(compiled.field);
        draft.namespaceLabels ||= compiled.namespaceLabels;
        writes.push({ channel, key: key.key, overwrite, source: compiled.source });
      }
    }
  }
  return writes;
}

function refuseProtected(channel: Channel, key: string, path: string, draft: CompileDraft): void {
  const what = `must not be ${quoted(key)}, a key on which Kubernetes or other tools rely`;
  switch (protectionOf(channel === 'labels' ? 'label' : 'annotation', key)) {
    case 'Never':
      draft.refuse(path, `${what}: it is never written`);
      break;
    case 'OwnerAllows':
      draft.refuse(path, `${what}; to let the cluster's owner allow it is not supported yet`);
      break;
    case 'Free':
      break;
  }
}
