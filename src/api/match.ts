import * as z from 'zod';
import { BOUNDS } from './bounds.ts';
import { type FieldRule, withRules } from './field-rule.ts';
import { atLeastOne } from './member-rules.ts';
import { DNS_LABEL_PATTERN, DNS_SUBDOMAIN_MAX, LABEL_KEY_PATTERN, labelKeyProblem } from './metadata-syntax.ts';
import {
  atomicList,
  celExpression,
  type DeepReadonly,
  fields,
  keyedList,
  labelKey,
  labelValue,
  partName,
  text,
  textSet,
} from './schema-parts.ts';
import { counted } from './words.ts';

/** Which objects a policy is about: `match` and `exclude`. */

export const resourceVersion = text({
  max: 63,
  pattern: `^(\\*|${DNS_LABEL_PATTERN.slice(1, -1)})$`,
  words: "be a version such as 'v1', or '*' for whatever the server prefers",
});

const resourceSchema = fields({
  group: text({
    min: 0,
    max: DNS_SUBDOMAIN_MAX,
    pattern: '^([a-z0-9*]([-a-z0-9.*]*[a-z0-9*])?)?$',
    words: "be an API group such as 'apps', a glob such as '*.example.com', or '' for the core group",
  }).describe("API group; '' is the core group. A glob: '*' stands for any run of characters."),
  resource: text({
    max: 63,
    pattern: '^[a-z0-9*]([-a-z0-9*]*[a-z0-9*])?$',
    words: "be the plural name in lower case, such as 'deployments', without subresource, or a glob",
  }).describe("Plural name of the resource, such as 'deployments'. A glob: '*' stands for any run of characters."),
  version: z.exactOptional(
    resourceVersion.describe(
      "Version to read objects in. Needed where a rule or condition reads more than metadata; '*' means whatever the server prefers. A glob leaves out what is not served in it.",
    ),
  ),
  scope: z
    .enum(['Namespaced', 'Cluster', '*'])
    .default('*')
    .describe("Only resources of this scope: 'Namespaced', 'Cluster', or '*' for both."),
});

const matchExpressionSchema = withRules(
  fields({
    key: labelKey.describe('Label key.'),
    operator: z
      .enum(['In', 'NotIn', 'Exists', 'DoesNotExist'])
      .describe('How the label relates to the values. NotIn also holds where the label is absent.'),
    values: z.exactOptional(
      atomicList(labelValue, { max: BOUNDS.values }).describe(
        'At least one value for In and NotIn; none for Exists and DoesNotExist.',
      ),
    ),
  }),
  [
    {
      cel: "self.operator in ['In', 'NotIn'] ? has(self.values) && self.values.size() > 0 : !has(self.values) || self.values.size() == 0",
      message: 'must hold at least one value for In and NotIn, and none for Exists and DoesNotExist',
      holds: ({ operator, values = [] }) => (operator === 'In' || operator === 'NotIn') === values.length > 0,
      found: ({ operator, values = [] }) => `${counted(values.length, 'value', 'values')} for ${operator}`,
      at: 'values',
    },
  ],
);

const matchLabelsSchema = z
  .record(z.string(), labelValue)
  .superRefine((labels, context) => {
    for (const key of Object.keys(labels)) {
      const message = labelKeyProblem(key);
      if (message !== undefined) context.addIssue({ code: 'custom', path: [key], message });
    }
    const size = Object.keys(labels).length;
    if (size > BOUNDS.matchLabels) {
      context.addIssue({ code: 'custom', message: `must hold at most ${BOUNDS.matchLabels} entries, found ${size}` });
    }
  })
  .meta({
    maxProperties: BOUNDS.matchLabels,
    'x-kubernetes-map-type': 'atomic',
    'x-kubernetes-validations': [
      { rule: `self.all(key, key.matches(r'${LABEL_KEY_PATTERN}'))`, message: 'every key must be a label key' },
    ],
  });

export const labelSelectorSchema = fields({
  matchLabels: z.exactOptional(matchLabelsSchema.describe('Labels that must be there with exactly these values.')),
  matchExpressions: z.exactOptional(
    atomicList(matchExpressionSchema, { max: BOUNDS.matchExpressions }).describe('Requirements that must all hold.'),
  ),
}).meta({ 'x-kubernetes-map-type': 'atomic' });

export const conditionsSchema = keyedList(
  fields({
    name: partName.describe('Name of the condition, shown in messages.'),
    expression: celExpression.describe("CEL expression that gives a bool, such as 'object.spec.replicas > 1'."),
  }),
  ['name'],
  { max: BOUNDS.conditions },
);

const resources = (min: 0 | 1) => keyedList(resourceSchema, ['group', 'resource'], { min, max: BOUNDS.resources });

const nameGlobs = textSet(
  text({ max: DNS_SUBDOMAIN_MAX, pattern: '^[^/%]+$', words: "be a name or a glob, without '/' and '%'" }),
  { max: BOUNDS.globs },
);
const namespaceGlobs = textSet(
  text({
    max: 63,
    pattern: '^[-a-z0-9*]+$',
    words: "be a namespace or a glob of lower-case letters, digits, '-' and '*'",
  }),
  { max: BOUNDS.globs },
);

/** The terms that `match` and the entries of `exclude` share. */
const terms = {
  names: z.exactOptional(nameGlobs.describe("Globs over the object's name, of which any must fit.")),
  namespaces: z.exactOptional(
    namespaceGlobs.describe(
      "Globs over the object's namespace, of which any must fit. A Namespace is its own namespace; other cluster-scoped objects never fit.",
    ),
  ),
  namespaceSelector: z.exactOptional(
    labelSelectorSchema.describe(
      "Selector over the labels of the object's namespace. A Namespace is its own namespace; other cluster-scoped objects never fit.",
    ),
  ),
  objectSelector: z.exactOptional(labelSelectorSchema.describe("Selector over the object's own labels.")),
  conditions: z.exactOptional(conditionsSchema.describe('CEL conditions that must all hold.')),
};

export const matchSchema = fields({
  resources: resources(1).describe(
    "Resources to watch, of which any must fit; one that is named exactly counts before globs. Globs leave out Secrets, the groups of RBAC, admission, CRDs, API services and certificates, what cannot be watched, and what is in kube-system, kube-public and kube-node-lease (unless 'namespaces' names these).",
  ),
  ...terms,
  namespaces: z.exactOptional(
    namespaceGlobs.describe(
      "Globs over the object's namespace, of which any must fit; kube-system, kube-public and kube-node-lease must be named exactly. A Namespace is its own namespace; other cluster-scoped objects never fit.",
    ),
  ),
});

const excludeEntry = fields({
  resources: z.exactOptional(
    resources(1).describe('Resources, of which any must fit. Without it: all that the policy matches.'),
  ),
  ...terms,
});

const excludeRule: FieldRule<z.output<typeof excludeEntry>> = atLeastOne(
  'resources',
  'names',
  'namespaces',
  'namespaceSelector',
  'objectSelector',
  'conditions',
);

export const excludeSchema = atomicList(withRules(excludeEntry, [excludeRule]), { max: BOUNDS.excludes });

export type ResourceMatch = DeepReadonly<z.output<typeof resourceSchema>>;
export type MatchExpression = DeepReadonly<z.output<typeof matchExpressionSchema>>;
export type LabelSelector = DeepReadonly<z.output<typeof labelSelectorSchema>>;
/** A named CEL expression that gives a bool. */
export type Match = DeepReadonly<z.output<typeof matchSchema>>;
export type Exclude = DeepReadonly<z.output<typeof excludeEntry>>;
