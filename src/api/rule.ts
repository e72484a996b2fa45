import * as z from 'zod';
import { BOUNDS } from './bounds.ts';
import { withRules } from './field-rule.ts';
import {
  checkSchema,
  jsonSchemaSchema,
  limitSchema,
  requireSchema,
  uniqueSchema,
  validateSchema,
} from './judge-actions.ts';
import { conditionsSchema } from './match.ts';
import { exactlyOne } from './member-rules.ts';
import { type DeepReadonly, fields, keyedList, message, partName } from './schema-parts.ts';
import { copySchema, keyGlobsSchema, renameSchema, wantedKeysSchema } from './write-actions.ts';

/** Severity of violations; lower case because Policy Reports write it so. Worst first. */
export const SEVERITIES = ['critical', 'high', 'medium', 'low', 'info'] as const;
export type Severity = (typeof SEVERITIES)[number];

export const severitySchema = z.enum(SEVERITIES);

export const WRITE_ACTIONS = ['set', 'default', 'copy', 'rename', 'remove'] as const;
export const JUDGE_ACTIONS = ['require', 'forbid', 'check', 'jsonSchema', 'validate', 'unique', 'limit'] as const;

const ruleSchema = withRules(
  fields({
    name: partName.describe('Name of the rule, shown in status, Events and reports.'),
    subject: z
      .enum(['Object', 'PodTemplate'])
      .default('Object')
      .describe(
        'What the rule judges: the object, or the pod that a workload makes. PodTemplate only on rules that judge.',
      ),
    conditions: z.exactOptional(conditionsSchema.describe('CEL conditions that must all hold for the rule to apply.')),
    severity: z.exactOptional(severitySchema.describe("Severity of this rule's violations. Default: the policy's.")),
    message: z.exactOptional(message.describe('Message of a violation, literally.')),
    set: z.exactOptional(wantedKeysSchema.describe('Keeps these values: displaces what is there and reverts drift.')),
    default: z.exactOptional(
      wantedKeysSchema.describe('Writes these keys only where they are absent; never displaces a value.'),
    ),
    copy: z.exactOptional(copySchema.describe('Copies keys from the namespace or a looked-up object.')),
    rename: z.exactOptional(renameSchema.describe('Renames keys. A clean-up: not undone later.')),
    remove: z.exactOptional(keyGlobsSchema.describe('Removes keys. A clean-up: not undone later.')),
    require: z.exactOptional(requireSchema.describe('Keys that must be there, with their values.')),
    forbid: z.exactOptional(keyGlobsSchema.describe('Keys that must not be there.')),
    check: z.exactOptional(checkSchema.describe('Compares what a JSONPath finds with values.')),
    jsonSchema: z.exactOptional(jsonSchemaSchema.describe('Judges what a JSONPath finds by a JSON Schema.')),
    validate: z.exactOptional(validateSchema.describe('CEL expressions that must all hold.')),
    unique: z.exactOptional(uniqueSchema.describe('A value that no two objects may share; the first holder complies.')),
    limit: z.exactOptional(limitSchema.describe('How many objects may match; the first ones comply.')),
  }),
  [
    exactlyOne(...WRITE_ACTIONS, ...JUDGE_ACTIONS),
    {
      cel: `self.subject != 'PodTemplate' || !(${WRITE_ACTIONS.map((action) => `has(self.${action})`).join(' || ')})`,
      message: `must be Object on a rule that writes; PodTemplate is for rules that judge`,
      holds: (rule) => rule.subject !== 'PodTemplate' || !WRITE_ACTIONS.some((action) => Object.hasOwn(rule, action)),
      at: 'subject',
    },
  ],
);

export const rulesSchema = keyedList(ruleSchema, ['name'], { min: 1, max: BOUNDS.rules });

export type Rule = DeepReadonly<z.output<typeof ruleSchema>>;
