import * as z from 'zod';
import { BOUNDS } from './bounds.ts';
import { withRules } from './field-rule.ts';
import { atMostOne, someEntry } from './member-rules.ts';
import {
  annotationKey,
  annotationValue,
  atomicList,
  celExpression,
  type DeepReadonly,
  fields,
  integer,
  jsonPath,
  keyedList,
  labelKey,
  labelValue,
  message,
  text,
  textSet,
} from './schema-parts.ts';
import { ownValueSchema } from './sources.ts';
import { counted } from './words.ts';

/** Actions that judge an object and write nothing to it. */

const requiredKey = <V extends z.ZodType<string>>(key: z.ZodString, value: V) =>
  withRules(
    fields({
      key: key.describe('Key that must be there.'),
      pattern: z.exactOptional(
        text({ max: BOUNDS.pattern }).describe("RE2 regular expression that the value must match, such as '^[a-z]+$'."),
      ),
      values: z.exactOptional(
        textSet(value, { min: 1, max: BOUNDS.values }).describe('Values of which the value must be one.'),
      ),
    }),
    [atMostOne('pattern', 'values')],
  );

const requiredLabels = keyedList(requiredKey(labelKey, labelValue), ['key'], { max: BOUNDS.keys });
const requiredAnnotations = keyedList(requiredKey(annotationKey, annotationValue), ['key'], { max: BOUNDS.keys });

export const requireSchema = withRules(
  fields({
    labels: z.exactOptional(requiredLabels.describe('Labels that must be there.')),
    annotations: z.exactOptional(requiredAnnotations.describe('Annotations that must be there.')),
  }),
  [someEntry('labels', 'annotations')],
);

/** How many values each operator of `check` takes: the least and the most. */
const VALUES_OF = {
  Exists: [0, 0],
  DoesNotExist: [0, 0],
  Equal: [1, 1],
  In: [1, BOUNDS.values],
  NotIn: [1, BOUNDS.values],
  LessThan: [1, 1],
  GreaterThan: [1, 1],
  Matches: [1, BOUNDS.values],
} as const;

const valueCount = '(has(self.values) ? self.values.size() : 0)';

export const checkSchema = withRules(
  fields({
    jsonPath: jsonPath.describe("JSONPath to the values to check, such as '$.spec.containers[*].image'."),
    quantifier: z
      .enum(['All', 'Any', 'None'])
      .default('All')
      .describe(
        "How many of the values that the path finds must pass. Where it finds none, 'All' and 'None' hold and 'Any' does not. Null counts as absent.",
      ),
    operator: z
      .enum(['Exists', 'DoesNotExist', 'Equal', 'In', 'NotIn', 'LessThan', 'GreaterThan', 'Matches'])
      .describe(
        "How a found value relates to 'values'. Exists and DoesNotExist ask in each place that the path leads to, as in each container of '$.spec.containers[*].image'; the others look only at what is there. Numbers and quantities such as '500m' and '1Gi' compare as such, '1000m' equals '1'; other texts only as texts.",
      ),
    values: z.exactOptional(
      textSet(text({ min: 0, max: BOUNDS.pattern }), { max: BOUNDS.values }).describe(
        'One value for Equal, LessThan and GreaterThan; at least one for In and NotIn; RE2 patterns, of which any fits, for Matches; none for Exists and DoesNotExist.',
      ),
    ),
  }),
  [
    {
      cel: `self.operator in ['Exists', 'DoesNotExist'] ? ${valueCount} == 0 : (self.operator in ['Equal', 'LessThan', 'GreaterThan'] ? ${valueCount} == 1 : ${valueCount} > 0)`,
      message:
        'must hold one value for Equal, LessThan and GreaterThan, at least one for In, NotIn and Matches, and none for Exists and DoesNotExist',
      holds: ({ operator, values = [] }) => {
        const [least, most] = VALUES_OF[operator];
        return values.length >= least && values.length <= most;
      },
      found: ({ operator, values = [] }) => `${counted(values.length, 'value', 'values')} for ${operator}`,
      at: 'values',
    },
  ],
);

export const jsonSchemaSchema = fields({
  jsonPath: jsonPath.describe(
    "JSONPath to the nodes to judge, each on its own; where it finds none, nothing is judged. Of the whole object, '$', and of '$.metadata' a schema sees the fields that it names.",
  ),
  schema: z
    .record(z.string(), z.unknown())
    .superRefine((schema, context) => {
      const size = Object.keys(schema).length;
      if (size <= BOUNDS.schemaKeywords) return;
      const found = `must hold at most ${BOUNDS.schemaKeywords} keywords at its top, found ${size}`;
      context.addIssue({ code: 'custom', message: found });
    })
    .meta({ maxProperties: BOUNDS.schemaKeywords, 'x-kubernetes-preserve-unknown-fields': true })
    .describe(
      "JSON Schema, draft 2020-12. References lead to '#/$defs/NAME' and not in circles; patterns are RE2; what would be ignored, such as a misspelt keyword, is refused.",
    ),
});

export const validateSchema = atomicList(
  fields({
    expression: celExpression.describe('CEL expression that gives a bool; false is a violation.'),
    message: z.exactOptional(message.describe('Message of a violation, literally.')),
    messageExpression: z.exactOptional(
      celExpression.describe("CEL expression that gives the message. 'message' is used when it fails."),
    ),
  }),
  { min: 1, max: BOUNDS.validations },
);

export const uniqueSchema = fields({
  valueFrom: ownValueSchema.describe('Where the value that must be unique comes from.'),
  scope: z.enum(['Cluster', 'Namespace']).describe('Unique in the whole cluster, or in each namespace.'),
});

export const limitSchema = fields({
  max: integer(0, BOUNDS.limitMax).describe('How many objects may match; the first ones comply.'),
  per: z.enum(['Cluster', 'Namespace']).describe('Count in the whole cluster, or in each namespace.'),
});

/** A key that `require` wants. */
export type RequiredKey = DeepReadonly<z.output<typeof requiredAnnotations>>[number];
export type Check = DeepReadonly<z.output<typeof checkSchema>>;
export type JsonSchemaCheck = DeepReadonly<z.output<typeof jsonSchemaSchema>>;
export type Unique = DeepReadonly<z.output<typeof uniqueSchema>>;
