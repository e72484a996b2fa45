/**
 * Every bound of the WatchPolicy API in one place. They keep the estimated cost of the CRD's CEL rules within what the
 * API server allows, a policy well below what etcd stores, and our own memory finite.
 */
export const BOUNDS = {
  /** Entries of `spec.match.resources`; an admission policy that checks the author's rights counts on it. */
  resources: 24,
  excludes: 64,
  rules: 64,
  conditions: 16,
  variables: 32,
  lookups: 16,
  /** Globs in one list: names, namespaces, keys. */
  globs: 64,
  /** Keys in one list of an action. */
  keys: 64,
  /** Allowed values in one list. */
  values: 64,
  matchLabels: 64,
  matchExpressions: 64,
  validations: 32,
  /** Top-level keywords of a JSON Schema. */
  schemaKeywords: 64,
  /** Schemas, allowed values and required names in a JSON Schema, with references written out; and how deep they nest. */
  schemaSize: 1_000,
  schemaDepth: 32,
  /** Keywords of a JSON Schema, written out likewise, each by what it costs to compile. */
  schemaKeywordCost: 480,
  /** Steps of a pattern with its repeats written out. */
  patternSteps: 2_000,
  /** Characters of all patterns of a rule, and of all globs over names and namespaces of a policy. */
  rulePatterns: 4_096,
  nameGlobs: 32_768,

  /** Lengths of text, in characters. */
  expression: 8_192,
  jsonPath: 512,
  pattern: 1_024,
  message: 256,
  description: 4_096,
  category: 64,
  annotationValue: 65_536,

  priority: 1_000,
  reevaluateSecondsMin: 10,
  /** A week. */
  reevaluateSecondsMax: 604_800,
  limitMax: 1_000_000,

  /** The whole spec: nesting, and members and items in it, before it is looked at in detail. */
  depth: 64,
  nodes: 100_000,

  /** Status. */
  statusResources: 50,
  statusViolations: 500,
  statusMessage: 256,
  statusConditions: 16,
  conditionMessage: 32_768,
  conditionReason: 1_024,
  conditionType: 316,
} as const;
