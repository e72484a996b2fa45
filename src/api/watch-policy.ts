import * as z from 'zod';
import { BOUNDS } from './bounds.ts';
import { withRules } from './field-rule.ts';
import { excludeSchema, matchSchema } from './match.ts';
import type { GroupVersionResource } from './resource.ts';
import { rulesSchema, severitySchema } from './rule.ts';
import { type DeepReadonly, fields, integer, text } from './schema-parts.ts';
import { lookupsSchema, variablesSchema } from './sources.ts';
import { listed, quoted } from './words.ts';

export const WATCH_POLICIES: GroupVersionResource = Object.freeze({
  group: 'watchkeeper.dev',
  version: 'v1alpha1',
  resource: 'watchpolicies',
});
export const WATCH_POLICY_KIND = 'WatchPolicy';

/** The source of the types, of the run-time check and of the CRD. */
export const watchPolicySpecSchema = withRules(
  fields({
    mode: z
      .enum(['Audit', 'Enforce', 'Suspended'])
      .default('Audit')
      .describe(
        "'Audit' evaluates and reports and writes nothing to objects; 'Enforce' also writes; 'Suspended' does nothing and holds the keys written so far.",
      ),
    severity: severitySchema.default('medium').describe('Severity of violations, unless a rule says otherwise.'),
    category: z.exactOptional(text({ max: BOUNDS.category }).describe('Category, shown in reports.')),
    description: z.exactOptional(text({ max: BOUNDS.description }).describe('What the policy is for, for people.')),
    priority: integer(-BOUNDS.priority, BOUNDS.priority)
      .default(0)
      .describe('Where policies want different values for a key, the highest priority wins, then the smaller name.'),
    removalPolicy: z
      .enum(['Remove', 'Retain'])
      .default('Remove')
      .describe('What becomes of keys that we wrote once nothing wants them any more or the policy is deleted.'),
    reevaluateSeconds: z.exactOptional(
      integer(BOUNDS.reevaluateSecondsMin, BOUNDS.reevaluateSecondsMax).describe(
        'Also evaluates every so many seconds, not only on changes.',
      ),
    ),
    match: matchSchema.describe('Objects that the policy is about: all fields must fit.'),
    exclude: z.exactOptional(
      excludeSchema.describe(
        'Objects that it is not about, although they match. An entry fits when all its fields fit.',
      ),
    ),
    variables: z.exactOptional(variablesSchema.describe('Named CEL expressions, used as variables.NAME.')),
    lookups: z.exactOptional(lookupsSchema.describe('Other objects that the policy reads, used as lookups.NAME.')),
    rules: rulesSchema.describe('What should be so. Each rule has exactly one action.'),
  }),
  [
    {
      cel: 'self.rules.all(rule, !has(rule.copy) || !has(rule.copy.lookup) || (has(self.lookups) && self.lookups.exists(lookup, lookup.name == rule.copy.lookup)))',
      message: 'copy.lookup of every rule must be the name of an entry in lookups',
      holds: ({ rules, lookups = [] }) =>
        rules.every(({ copy }) => copy?.lookup === undefined || lookups.some(({ name }) => name === copy.lookup)),
      found: ({ rules, lookups = [] }) => {
        const names = new Set(lookups.map(({ name }) => name));
        const unknown = rules.filter(({ copy }) => copy?.lookup !== undefined && !names.has(copy.lookup));
        return listed(
          unknown.map(({ name, copy }) => `${quoted(copy?.lookup ?? '')} in rule ${name}`),
          'and',
        );
      },
      at: 'rules',
    },
  ],
);

export type WatchPolicySpec = DeepReadonly<z.output<typeof watchPolicySpecSchema>>;
