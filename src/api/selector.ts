import type { LabelSelector, MatchExpression } from './match.ts';
import { type StringMap, valueIn } from './object.ts';

export type LabelPredicate = (labels: StringMap) => boolean;

/** Compiles a label selector, with Kubernetes' semantics: all requirements must hold, and an empty selector matches all. */
export function compileSelector({ matchLabels = {}, matchExpressions = [] }: LabelSelector): LabelPredicate {
  const requirements: LabelPredicate[] = Object.entries(matchLabels).map(
    ([key, value]) =>
      (labels) =>
        valueIn(labels, key) === value,
  );
  requirements.push(...matchExpressions.map(compileExpression));
  return (labels) => requirements.every((holds) => holds(labels));
}

function compileExpression({ key, operator, values = [] }: MatchExpression): LabelPredicate {
  return TESTS[operator](key, new Set(values));
}

type Test = (key: string, values: ReadonlySet<string>) => LabelPredicate;

/** NotIn and DoesNotExist also hold for what is not labelled at all. */
const TESTS: Readonly<Record<MatchExpression['operator'], Test>> = {
  In: (key, values) => (labels) => isOneOf(valueIn(labels, key), values),
  NotIn: (key, values) => (labels) => !isOneOf(valueIn(labels, key), values),
  Exists: (key) => (labels) => valueIn(labels, key) !== undefined,
  DoesNotExist: (key) => (labels) => valueIn(labels, key) === undefined,
};

function isOneOf(value: string | undefined, values: ReadonlySet<string>): boolean {
  return value !== undefined && values.has(value);
}
