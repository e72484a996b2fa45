import * as z from 'zod';
import { BOUNDS } from './bounds.ts';
import { DNS_SUBDOMAIN_MAX } from './metadata-syntax.ts';
import { severitySchema } from './rule.ts';
import { atomicList, type DeepReadonly, fields, keyedList, text } from './schema-parts.ts';

/** The status of a WatchPolicy. We alone write it; the schema gives the types and the CRD. */

export const CONDITION_TYPES = ['Accepted', 'Watching', 'Ready', 'Compliant', 'Contended'] as const;
export type ConditionType = (typeof CONDITION_TYPES)[number];

const conditionSchema = fields({
  type: text({
    max: BOUNDS.conditionType,
    pattern: '^[A-Za-z]([-A-Za-z0-9_./]*[A-Za-z0-9])?$',
  }).describe('Accepted, Watching, Ready, Compliant or Contended.'),
  status: z.enum(['True', 'False', 'Unknown']).describe('Whether the condition holds.'),
  observedGeneration: z.exactOptional(generation().describe('Generation of the policy that the condition is about.')),
  lastTransitionTime: time().describe("When 'status' last changed."),
  reason: text({
    max: BOUNDS.conditionReason,
    pattern: '^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$',
  }).describe('One word that says why.'),
  message: text({ min: 0, max: BOUNDS.conditionMessage }).describe('What was found and what to do about it.'),
});

const watchedResourceSchema = fields({
  group: text({ min: 0, max: DNS_SUBDOMAIN_MAX }).describe("API group; '' is the core group."),
  resource: text({ max: 63 }).describe('Plural name of the resource.'),
  version: z.exactOptional(text({ max: 63 }).describe('Version in which objects are read.')),
  state: z.enum(['Syncing', 'Watching', 'NotServed', 'Forbidden', 'Failed']).describe('How the watch stands.'),
  message: text({ min: 0, max: BOUNDS.statusMessage }).describe('What is missing, and how to give it.'),
});

const violationSchema = fields({
  apiVersion: text({ max: DNS_SUBDOMAIN_MAX + 64 }).describe('Group and version of the object.'),
  kind: text({ max: 63 }).describe('Kind of the object.'),
  namespace: z.exactOptional(text({ max: 63 }).describe('Namespace of the object; none for a cluster-scoped one.')),
  name: text({ max: DNS_SUBDOMAIN_MAX }).describe('Name of the object.'),
  rule: text({ max: 63 }).describe('Rule that gave the result.'),
  result: z
    .enum(['Violation', 'Error', 'Yielded'])
    .describe('Violation: the rule is broken. Error: it could not be applied. Yielded: another policy or manager won.'),
  severity: severitySchema.describe('Severity of the rule.'),
  message: text({ min: 0, max: BOUNDS.statusMessage }).describe('What was found and what is wanted.'),
  since: time().describe('Since when the rule gives this result.'),
});

export const watchPolicyStatusSchema = fields({
  observedGeneration: z.exactOptional(generation().describe('Generation of the policy that this status is about.')),
  enforcedGeneration: z.exactOptional(
    generation().describe('Generation whose spec is in force; older while Accepted is False.'),
  ),
  conditions: z.exactOptional(
    keyedList(conditionSchema, ['type'], { max: BOUNDS.statusConditions }).describe(
      'Accepted, Watching, Ready, Compliant and Contended.',
    ),
  ),
  watching: z.exactOptional(
    fields({
      synced: count().describe('Resources that are watched and whose objects are all known.'),
      notServed: count().describe('Resources that the server does not serve yet.'),
      forbidden: count().describe('Resources that we may not list or watch.'),
      failed: count().describe('Resources whose watch fails.'),
      skipped: count().describe('Resources that a glob fits but that are left out.'),
    }).describe('How many resources are in which state.'),
  ),
  resources: z.exactOptional(
    atomicList(watchedResourceSchema, { max: BOUNDS.statusResources }).describe('Resources, unhealthy ones first.'),
  ),
  summary: z.exactOptional(
    fields({
      matched: count().describe('Objects that the policy is about.'),
      compliant: count().describe('Objects that break no rule.'),
      violating: count().describe('Objects that break a rule.'),
      errors: count().describe('Objects to which a rule could not be applied.'),
      yielded: count().describe('Objects on which another policy or manager won a key.'),
      owned: count().describe('Objects that carry a key written for this policy.'),
    }).describe('How many objects are in which state, exactly.'),
  ),
  violations: z.exactOptional(
    atomicList(violationSchema, { max: BOUNDS.statusViolations }).describe(
      'The first results that are not compliant, by severity, namespace, name and rule.',
    ),
  ),
  violationsTotal: z.exactOptional(count().describe('How many such results there are, whatever the list is cut to.')),
});

function generation() {
  return z.int().min(0).meta({ format: 'int64' });
}

function count() {
  return z.int().min(0).meta({ format: 'int64' });
}

/** RFC 3339, in UTC. */
function time() {
  return text({ max: 64 }).meta({ format: 'date-time' });
}

/** Every field that a status may have. */
export const STATUS_FIELDS: readonly string[] = Object.keys(watchPolicyStatusSchema.shape);

export type WatchPolicyStatus = DeepReadonly<z.output<typeof watchPolicyStatusSchema>>;
export type PolicyCondition = DeepReadonly<z.output<typeof conditionSchema>>;
export type WatchedResource = DeepReadonly<z.output<typeof watchedResourceSchema>>;
export type WatchState = WatchedResource['state'];
export type ReportedViolation = DeepReadonly<z.output<typeof violationSchema>>;
export type PolicySummary = NonNullable<WatchPolicyStatus['summary']>;
