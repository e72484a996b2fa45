import { readFileSync } from 'node:fs';
import { parse, parseAllDocuments } from 'yaml';
import * as z from 'zod';

/** The table of good and bad policies in test/fixtures/policies, for this process and the API server alike. */

const policy = z.object({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.object({ name: z.string() }),
  spec: z.record(z.string(), z.unknown()),
});
const badPolicy = z.strictObject({
  name: z.string(),
  spec: z.record(z.string(), z.unknown()),
  path: z.string(),
  message: z.string(),
  server: z.string().optional(),
});

export type PolicyFixture = z.output<typeof policy>;
export type BadPolicy = z.output<typeof badPolicy>;

const BASE = {
  match: { resources: [{ group: '', resource: 'configmaps' }] },
  rules: [{ name: 'r1', require: { labels: [{ key: 'team' }] } }],
};

export function goodPolicies(): PolicyFixture[] {
  return parseAllDocuments(read('good.yaml')).map((document) => policy.parse(document.toJS()));
}

export function badPolicies(): BadPolicy[] {
  return z
    .array(badPolicy)
    .parse(parse(read('bad.yaml')))
    .map((bad) => ({ ...bad, spec: specOver(bad.spec) }));
}

/** A small spec that is right, with these fields in place of its own. */
export function specOver(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const all: Record<string, unknown> = { ...BASE, ...fields };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== '$absent'));
}

function read(name: string): string {
  return readFileSync(new URL(`../fixtures/policies/${name}`, import.meta.url), 'utf8');
}
