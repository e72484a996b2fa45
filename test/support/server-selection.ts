import type { CachedObject } from '../../src/api/object.ts';
import type { WatchTarget } from '../../src/informer/watch-spec.ts';

/** What the API server makes of the namespace and the selectors of a list or watch; throws for what it does not understand. */
export function serverSelection({
  namespace = '',
  labelSelector = '',
  fieldSelector = '',
}: Pick<WatchTarget, 'namespace' | 'labelSelector' | 'fieldSelector'>): (object: CachedObject) => boolean {
  const requirements = [
    ...split(labelSelector).map(labelRequirement),
    ...split(fieldSelector).map(fieldRequirement),
    (object: CachedObject) => namespace === '' || object.namespace === namespace,
  ];
  return (object) => requirements.every((holds) => holds(object));
}

/** At commas, but not within parentheses. */
function split(selector: string): readonly string[] {
  return selector === '' ? [] : selector.split(/,(?![^(]*\))/);
}

const SET = /^(?<key>\S+) (?<operator>in|notin) \((?<values>[^()]*)\)$/;
const KEY = /^(?<not>!?)(?<key>[\w./-]+)$/;

function labelRequirement(text: string): (object: CachedObject) => boolean {
  const set = SET.exec(text)?.groups;
  if (set !== undefined) {
    const { key = '', operator, values = '' } = set;
    const isAmong = values.split(',');
    return ({ labels }) => (Object.hasOwn(labels, key) && isAmong.includes(labels[key] ?? '')) === (operator === 'in');
  }
  const exists = KEY.exec(text)?.groups;
  if (exists === undefined) throw new Error(`'${text}' is no requirement of a label selector`);
  const { key = '', not } = exists;
  return ({ labels }) => Object.hasOwn(labels, key) === (not === '');
}

function fieldRequirement(text: string): (object: CachedObject) => boolean {
  const name = /^metadata\.name=(?<name>.+)$/.exec(text)?.groups?.['name']?.replaceAll(/\\(.)/g, '$1');
  if (name === undefined) throw new Error(`'${text}' is no field selector that every kind knows`);
  return (object) => object.name === name;
}
