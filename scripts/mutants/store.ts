import type { Mutant } from './list.ts';

const STORE = 'src/informer/store.ts';
const INFORMER = ['src/informer'];
const KUBE = ['src/kube'];

/** Ways in which what is known of objects could be wrong. */
export const STORE_MUTANTS: readonly Mutant[] = [
  {
    name: 'store: brings back what was deleted',
    file: STORE,
    find: "    if (this.#isPast(object)) return { kind: 'Unchanged' };\n",
    replace: '',
    tests: INFORMER,
  },
  {
    name: 'store: an answer to a write takes the place of another object of that name',
    file: STORE,
    find: 'previous.uid !== answer.uid || ',
    replace: '',
    tests: INFORMER,
  },
  {
    name: 'store: remembers namespaces that are empty',
    file: STORE,
    find: '    if (objects.size === 0) this.#objects.delete(namespace);\n',
    replace: '',
    tests: INFORMER,
  },
  {
    name: 'store: finds objects under values that they have no more',
    file: 'src/informer/store-index.ts',
    find: '    if (previous !== undefined) this.#remove(previous);\n',
    replace: '',
    tests: INFORMER,
  },
  {
    name: 'store: an index holds values that no object has any more',
    file: 'src/informer/store-index.ts',
    find: '      if (objects?.size === 0) this.#objects.delete(value);\n',
    replace: '',
    tests: INFORMER,
  },
  {
    name: 'store: an index is kept up after it was dropped',
    file: 'src/informer/store-index.ts',
    find: '    this.#onDrop();\n',
    replace: '',
    tests: INFORMER,
  },
  {
    name: 'store: holds different parts of objects as one',
    file: 'src/kube/shared-parts.ts',
    find: '      endsWith(read.members, firstMember, known.members) &&\n',
    replace: '',
    tests: KUBE,
  },
  {
    name: 'store: takes a list that was cut off for a short one',
    file: 'src/kube/protobuf-list.ts',
    find: ' || this.#left !== 0',
    replace: '',
    tests: KUBE,
  },
  {
    name: 'store: reads an item again of which a part was there before',
    file: 'src/kube/json-list.ts',
    find: "      this.#at('Item', cursor);\n    }\n    this.#at('Member', cursor);",
    replace: "    }\n    this.#at('Member', cursor);",
    tests: KUBE,
  },
];
