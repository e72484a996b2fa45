import type { z } from 'zod';

/**
 * One rule over several fields, for both worlds: the API server runs `cel`, this process runs `holds`. They stand side by
 * side so that neither changes alone.
 */
export interface FieldRule<T> {
  readonly cel: string;
  /** What must be so, in words. */
  readonly message: string;
  readonly holds: (value: T) => boolean;
  /** What was found instead, for this process's message. */
  readonly found?: (value: T) => string;
  /** The field to blame, when it is one member and not the whole object. */
  readonly at?: string;
}

/** The rule as `x-kubernetes-validations` wants it. */
export interface CelRule {
  readonly rule: string;
  readonly message: string;
  readonly fieldPath?: string;
}

/** Adds rules to a schema: checked by `parse`, and carried to the CRD. */
export function withRules<S extends z.ZodType>(schema: S, rules: readonly FieldRule<z.output<S>>[]): S {
  const checked = schema.superRefine((value, context) => {
    for (const rule of rules) {
      if (rule.holds(value)) continue;
      const found = rule.found?.(value);
      const message = found === undefined ? rule.message : `${rule.message}, found ${found}`;
      context.addIssue({ code: 'custom', message, ...(rule.at === undefined ? {} : { path: [rule.at] }) });
    }
  });
  return checked.meta({ ...checked.meta(), 'x-kubernetes-validations': rules.map(celRule) });
}

function celRule<T>({ cel, message, at }: FieldRule<T>): CelRule {
  return { rule: cel, message, ...(at === undefined ? {} : { fieldPath: `.${at}` }) };
}
