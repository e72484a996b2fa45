import { valueIn } from '../api/object.ts';
import type { WantedKey } from '../api/write-actions.ts';
import { compileJsonPath } from './json-path.ts';
import type { SourceResult, ValueSource } from './program.ts';
import { valueText } from './value-text.ts';

export type CompiledSource =
  | {
      readonly ok: true;
      readonly source: ValueSource;
      /** The top-level field that is read, if one is. */
      readonly field: string | undefined;
      readonly namespaceLabels: boolean;
    }
  /** `path` is relative to the key's entry. */
  | { readonly ok: false; readonly path: string; readonly problem: string };

/** Where the value of a wanted key comes from: literal, the object itself, or its Namespace. */
export function compileSource({ value, valueFrom, fallback }: WantedKey): CompiledSource {
  if (value !== undefined) {
    const result: SourceResult = { kind: 'Value', value };
    return { ok: true, source: () => result, field: undefined, namespaceLabels: false };
  }
  const otherwise: SourceResult = fallback === undefined ? { kind: 'Empty' } : { kind: 'Value', value: fallback };
  if (valueFrom?.namespaceLabel !== undefined) {
    const key = valueFrom.namespaceLabel;
    const source: ValueSource = ({ namespace }) => {
      if (namespace === 'Unknown') return UNKNOWN;
      const found = namespace === 'NotNamespaced' ? undefined : valueIn(namespace.labels, key);
      return found === undefined ? otherwise : { kind: 'Value', value: found };
    };
    return { ok: true, source, field: undefined, namespaceLabels: true };
  }
  if (valueFrom?.jsonPath !== undefined) {
    const compiled = compileJsonPath(valueFrom.jsonPath);
    if (!compiled.ok) return { ok: false, path: 'valueFrom.jsonPath', problem: compiled.problem };
    const { path } = compiled;
    const source: ValueSource = (subject) => {
      const hits = path.evaluate(subject);
      if (!hits.ok) return { kind: 'Error', code: 'SourceTooLarge', message: hits.problem };
      const result = valueText(hits.values);
      return result.kind === 'Empty' ? otherwise : result;
    };
    return { ok: true, source, field: path.field, namespaceLabels: false };
  }
  return { ok: false, path: 'valueFrom', problem: 'has a source that is not supported yet' };
}

const UNKNOWN: SourceResult = { kind: 'Unknown' };
