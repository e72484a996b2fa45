import * as z from 'zod';
import { watchPolicyStatusSchema } from './status.ts';
import { type JsonSchema, structural } from './structural.ts';
import { WATCH_POLICIES, WATCH_POLICY_KIND, watchPolicySpecSchema } from './watch-policy.ts';

/** The CustomResourceDefinition of WatchPolicy, made from the schemas; an `apiextensions.k8s.io/v1` object. */
export function watchPolicyCrd() {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${WATCH_POLICIES.resource}.${WATCH_POLICIES.group}`,
      labels: { 'app.kubernetes.io/name': 'watchkeeper' },
    },
    spec: {
      group: WATCH_POLICIES.group,
      names: {
        kind: WATCH_POLICY_KIND,
        listKind: `${WATCH_POLICY_KIND}List`,
        plural: WATCH_POLICIES.resource,
        singular: 'watchpolicy',
        shortNames: ['wp'],
        categories: ['watchkeeper'],
      },
      scope: 'Cluster',
      versions: [
        {
          name: WATCH_POLICIES.version,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: PRINTER_COLUMNS,
          schema: { openAPIV3Schema: rootSchema() },
        },
      ],
    },
  };
}

const PRINTER_COLUMNS = [
  { name: 'Mode', type: 'string', jsonPath: '.spec.mode' },
  { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
  { name: 'Matched', type: 'integer', jsonPath: '.status.summary.matched' },
  { name: 'Violating', type: 'integer', jsonPath: '.status.summary.violating' },
  { name: 'Owned', type: 'integer', jsonPath: '.status.summary.owned' },
  { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  { name: 'Watching', type: 'integer', jsonPath: '.status.watching.synced', priority: 1 },
  { name: 'Message', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].message', priority: 1 },
];

function rootSchema(): JsonSchema {
  return {
    description:
      'WatchPolicy keeps labels and annotations of existing objects as its rules say, and reports every object that breaks one.',
    type: 'object',
    required: ['spec'],
    properties: {
      apiVersion: { description: 'Version of this representation of an object.', type: 'string' },
      kind: { description: 'Kind of this object.', type: 'string' },
      metadata: { type: 'object' },
      spec: structuralOf(watchPolicySpecSchema, 'What should be so, on which objects.'),
      status: structuralOf(watchPolicyStatusSchema, 'What was found; written by Watchkeeper.'),
    },
  };
}

function structuralOf(schema: z.ZodType, description: string): JsonSchema {
  // `input`: what a user may leave out because it has a default is not required.
  const json = z.toJSONSchema(schema, { target: 'openapi-3.0', io: 'input' });
  return structural({ ...json, description });
}
