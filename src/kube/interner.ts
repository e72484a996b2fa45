import type { KubeClient } from './client.ts';
import { JsonValues } from './json-values.ts';
import { KeySetTable } from './key-sets.ts';
import { OwnerLists } from './owner-lists.ts';
import { StringTable } from './string-table.ts';

/** What decoded objects share instead of holding a copy each. One serves all kinds: its tables are bounded. */
export class Interner {
  readonly strings = new StringTable();
  readonly keySets = new KeySetTable();
  readonly values = new JsonValues(this.strings);
  readonly owners = new OwnerLists();
}

const interners = new WeakMap<KubeClient, Interner>();

/** The one interner of all that is read through `client`; a thousand watched kinds would each fill their own. */
export function internerOf(client: KubeClient): Interner {
  let interner = interners.get(client);
  if (interner === undefined) {
    interner = new Interner();
    interners.set(client, interner);
  }
  return interner;
}
