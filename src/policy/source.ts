import { valueIn } from '../api/object.ts';
import type { WantedKey } from '../api/write-actions.ts';
import type { CompileDraft } from './compile-draft.ts';
import { compileJsonPath } from './json-path.ts';
import type { Channel, SourceResult, ValueSource } from './program.ts';
import { sanitize } from './sanitize.ts';
import { isNamespace } from './subject.ts';
import { valueText } from './value-text.ts';

/**
 * Where the value of a wanted key comes from: literal, the object itself, or its Namespace. `path`: of the key's entry in the
 * spec. Undefined when it was refused.
 */
export function compileSource(
  wanted: WantedKey,
  channel: Channel,
  path: string,
  draft: CompileDraft,
): ValueSource | undefined {
  const { value, fallback, invalidValue } = wanted;
  if (value !== undefined) {
    const result: SourceResult = { kind: 'Value', value };
    return () => result;
  }
  const otherwise: SourceResult = fallback === undefined ? EMPTY : { kind: 'Value', value: fallback };
  const found = compileValueFrom(wanted, channel, path, draft);
  if (found === undefined) return undefined;
  return (subject) => {
    const result = found(subject);
    if (result.kind === 'Empty') return otherwise;
    return result.kind === 'Value' && invalidValue === 'Sanitize' ? sanitized(channel, result, otherwise) : result;
  };
}

const UNKNOWN: SourceResult = { kind: 'Unknown' };
const EMPTY: SourceResult = { kind: 'Empty' };
/** Not wanted, whatever the fallback. */
const UNWANTED: SourceResult = { kind: 'Unwanted' };
const UNFIT: SourceResult = {
  kind: 'Error',
  code: 'InvalidValue',
  message: 'nothing of the value found can stand in a label, and there is no fallback',
};

function sanitized(
  channel: Channel,
  found: SourceResult & { readonly kind: 'Value' },
  otherwise: SourceResult,
): SourceResult {
  const value = sanitize(channel, found.value);
  if (value === found.value) return found;
  if (value !== undefined) return { kind: 'Value', value };
  return otherwise.kind === 'Value' ? otherwise : UNFIT;
}

function compileValueFrom(
  { key, valueFrom = {} }: WantedKey,
  channel: Channel,
  path: string,
  draft: CompileDraft,
): ValueSource | undefined {
  if (valueFrom.jsonPath !== undefined) return compileJsonPathSource(valueFrom.jsonPath, path, draft);
  if (valueFrom.namespaceLabel !== undefined) {
    draft.namespaceLabels = true;
    return namespaceSource('labels', valueFrom.namespaceLabel, channel, key);
  }
  if (valueFrom.namespaceAnnotation !== undefined) {
    draft.namespaceAnnotations = true;
    return namespaceSource('annotations', valueFrom.namespaceAnnotation, channel, key);
  }
  draft.refuse(`${path}.valueFrom`, 'has a source that is not supported yet');
  return undefined;
}

function namespaceSource(from: Channel, name: string, channel: Channel, key: string): ValueSource {
  const isSelf = from === channel && name === key;
  return ({ kind, namespace }) => {
    if (namespace === 'Unknown') return UNKNOWN;
    const value = namespace === 'NotNamespaced' ? undefined : valueIn(namespace[from], name);
    if (value === undefined) return EMPTY;
    // What a Namespace says of itself under this very key is right as it is, and stays its own.
    return isSelf && isNamespace(kind) ? UNWANTED : { kind: 'Value', value };
  };
}

function compileJsonPathSource(text: string, path: string, draft: CompileDraft): ValueSource | undefined {
  const compiled = compileJsonPath(text);
  if (!compiled.ok) {
    draft.refuse(`${path}.valueFrom.jsonPath`, compiled.problem);
    return undefined;
  }
  const { path: jsonPath } = compiled;
  draft.reads(jsonPath.field);
  return (subject) => {
    const hits = jsonPath.evaluate(subject, subject.work);
    return hits.ok ? valueText(hits.values) : { kind: 'Error', code: 'SourceTooLarge', message: hits.problem };
  };
}
