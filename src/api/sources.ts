import * as z from 'zod';
import { BOUNDS } from './bounds.ts';
import { withRules } from './field-rule.ts';
import { labelSelectorSchema, resourceVersion } from './match.ts';
import { exactlyOne } from './member-rules.ts';
import { DNS_LABEL_PATTERN, DNS_SUBDOMAIN_MAX, DNS_SUBDOMAIN_PATTERN, dnsSubdomainProblem } from './metadata-syntax.ts';
import {
  annotationKey,
  celExpression,
  type DeepReadonly,
  fields,
  identifier,
  jsonPath,
  keyedList,
  labelKey,
  text,
} from './schema-parts.ts';

/** Where values come from: the object itself, its namespace, an expression, other objects. */

const jsonPathSource = z.exactOptional(
  jsonPath.describe("JSONPath into the object, such as '$.spec.nodeName', without filters and scripts."),
);
const expressionSource = z.exactOptional(celExpression.describe('CEL expression that gives the value.'));

export const valueFromSchema = withRules(
  fields({
    jsonPath: jsonPathSource,
    expression: expressionSource,
    namespaceLabel: z.exactOptional(labelKey.describe("Key of a label of the object's namespace.")),
    namespaceAnnotation: z.exactOptional(annotationKey.describe("Key of an annotation of the object's namespace.")),
  }),
  [exactlyOne('jsonPath', 'expression', 'namespaceLabel', 'namespaceAnnotation')],
);

/** What `unique` compares: something of the object itself. */
export const ownValueSchema = withRules(fields({ jsonPath: jsonPathSource, expression: expressionSource }), [
  exactlyOne('jsonPath', 'expression'),
]);

export const variablesSchema = keyedList(
  fields({
    name: identifier.describe('Name, used as variables.NAME.'),
    expression: celExpression.describe('CEL expression, evaluated when it is first used. May use variables before it.'),
  }),
  ['name'],
  { max: BOUNDS.variables },
);

const lookedUpResource = fields({
  group: text({
    min: 0,
    max: DNS_SUBDOMAIN_MAX,
    pattern: `^(${DNS_SUBDOMAIN_PATTERN.slice(1, -1)})?$`,
    problem: (group) => (group === '' ? undefined : dnsSubdomainProblem(group)),
  }).describe("API group, exactly; '' is the core group."),
  version: z.exactOptional(
    resourceVersion.describe(
      "Version to read objects in. Needed where more than metadata is read; '*' means whatever the server prefers.",
    ),
  ),
  resource: text({
    max: 63,
    pattern: DNS_LABEL_PATTERN,
    words: "be the plural name in lower case, such as 'nodes', exactly and without subresource",
  }).describe("Plural name of the resource, such as 'nodes', exactly."),
});

const textSource = withRules(
  fields({
    value: z.exactOptional(
      text({ max: DNS_SUBDOMAIN_MAX, pattern: '^[^/%]+$', words: "be a name, without '/' and '%'" }).describe(
        'The value itself.',
      ),
    ),
    jsonPath: jsonPathSource,
    expression: expressionSource,
  }),
  [exactlyOne('value', 'jsonPath', 'expression')],
);

const lookupNamespace = z.exactOptional(textSource.describe("Namespace to look in. Default: the object's own."));

const lookupSchema = withRules(
  fields({
    name: identifier.describe('Name, used as lookups.NAME; null when nothing is found.'),
    object: z.exactOptional(
      fields({
        resource: lookedUpResource.describe('Resource of the object.'),
        name: textSource.describe('Name of the object.'),
        namespace: lookupNamespace,
      }).describe('One object by name.'),
    ),
    list: z.exactOptional(
      fields({
        resource: lookedUpResource.describe('Resource of the objects.'),
        namespace: lookupNamespace,
        selector: z.exactOptional(labelSelectorSchema.describe('Selector over the labels of the objects.')),
      }).describe('All objects of a resource that a selector selects.'),
    ),
    owner: z.exactOptional(
      z
        .enum(['Controller', 'Root'])
        .describe("Follows ownerReferences: to the object's controller, or on to the one that has none."),
    ),
  }),
  [exactlyOne('object', 'list', 'owner')],
);

export const lookupsSchema = keyedList(lookupSchema, ['name'], { max: BOUNDS.lookups });

export type Lookup = DeepReadonly<z.output<typeof lookupSchema>>;
