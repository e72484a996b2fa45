import { isDeepStrictEqual } from 'node:util';
import { watchPolicyCrd } from '../src/api/crd.ts';
import type { JsonSchema } from '../src/api/structural.ts';

/** `docs/api.md`: every field of a WatchPolicy, from the schemas that the API server and the operator hold it to. */
export function apiReference(): string {
  const [version] = watchPolicyCrd().spec.versions;
  if (version === undefined) throw new Error('the CRD has no version');
  const { spec, status } = membersOf(version.schema.openAPIV3Schema);
  const reference = new Reference();
  reference.add('spec', spec ?? {});
  reference.add('status', status ?? {});
  return `${INTRODUCTION}\n${reference.text()}`;
}

const INTRODUCTION = `<!-- Generated from src/api by \`npm run generate\`. Do not edit. -->

# The WatchPolicy API, field by field

\`watchkeeper.dev/v1alpha1\`, cluster-scoped, plural \`watchpolicies\`, short name \`wp\`. What the fields mean together is told in
[concepts](concepts.md), ready examples are in [recipes](recipes.md), and \`kubectl explain watchpolicy.spec\` shows the same
descriptions. Fields marked **required** must be there; all others may be left out.

What needs an expression language or other objects is in the API already and refused for now, with \`Accepted=False\` and the field:
\`conditions\`, \`variables\`, \`lookups\`, \`expression\`, \`validate\`, \`unique\`, \`limit\`, and \`copy\` from a lookup.
`;

interface Section {
  readonly path: string;
  readonly schema: JsonSchema;
}

class Reference {
  readonly #sections: Section[] = [];

  add(path: string, schema: JsonSchema): void {
    this.#sections.push({ path, schema });
    for (const [name, member] of Object.entries(membersOf(schema))) {
      const inner = objectIn(member, `${path}.${name}`);
      if (inner !== undefined && this.#known(inner.schema) === undefined) this.add(inner.path, inner.schema);
    }
  }

  text(): string {
    return this.#sections.map((section) => this.#sectionText(section)).join('\n');
  }

  /** The section that shows objects of this shape already. */
  #known(schema: JsonSchema): Section | undefined {
    return this.#sections.find((section) => isDeepStrictEqual(shapeOf(section.schema), shapeOf(schema)));
  }

  #sectionText({ path, schema }: Section): string {
    const required = new Set(textsOf(schema['required']));
    const rows = Object.entries(membersOf(schema)).map(([name, member]) =>
      this.#row(`${path}.${name}`, name, member, required.has(name)),
    );
    const rules = rulesOf(schema).map((rule) => `- ${rule}`);
    const description = textAt(schema, 'description');
    return [
      `## \`${path}\`\n`,
      `${description === '' ? '' : `${description}\n\n`}| field | type | description |\n|---|---|---|`,
      ...rows,
      ...(rules.length === 0 ? [] : ['\nThe API server also checks that:\n', ...rules]),
      '',
    ].join('\n');
  }

  #row(path: string, name: string, member: JsonSchema, required: boolean): string {
    const inner = objectIn(member, path);
    const section = inner && this.#known(inner.schema);
    const type = section === undefined ? typeOf(member) : `[${typeOf(member)}](#${anchorOf(section.path)})`;
    const rules = section === undefined ? rulesOf(member) : [];
    const words = [textAt(member, 'description'), ...limitsOf(member), ...rules].filter((text) => text !== '');
    return `| \`${name}\`${required ? ' **required**' : ''} | ${type} | ${cell(words.map(sentence).join(' '))} |`;
  }
}

/** Two places have one section when their fields are the same, whatever each is said to be for. */
function shapeOf(schema: JsonSchema): unknown {
  return { ...schema, description: undefined };
}

/** The object with fields that a field is, or is a list or map of. */
function objectIn(schema: JsonSchema, path: string): Section | undefined {
  if (Object.keys(membersOf(schema)).length > 0) return { path, schema };
  const items = schemaAt(schema, 'items');
  if (items !== undefined) return objectIn(items, `${path}[]`);
  return undefined;
}

function typeOf(schema: JsonSchema): string {
  const items = schemaAt(schema, 'items');
  if (items !== undefined) return `list of ${typeOf(items)}`;
  const values = schemaAt(schema, 'additionalProperties');
  if (values !== undefined) return `map of ${typeOf(values)}`;
  if (schema['format'] === 'date-time') return 'time';
  return textAt(schema, 'type') || 'any';
}

function limitsOf(schema: JsonSchema): string[] {
  const limits: string[] = [];
  const values = textsOf(schema['enum']);
  if (values.length > 0) limits.push(`One of ${values.map((value) => `\`${value}\``).join(', ')}.`);
  if (schema['default'] !== undefined)
    limits.push(`Default \`${JSON.stringify(schema['default']).replaceAll('"', '')}\`.`);
  for (const [least, most, what] of [
    ['minimum', 'maximum', ''],
    ['minLength', 'maxLength', ' characters'],
    ['minItems', 'maxItems', ' entries'],
    ['', 'maxProperties', ' members'],
  ] as const) {
    const range = rangeOf(schema[least], schema[most]);
    if (range !== undefined) limits.push(`${range}${what}.`);
  }
  const items = schemaAt(schema, 'items');
  if (items !== undefined && objectIn(items, '') === undefined) {
    limits.push(...limitsOf(items).map((limit) => `Each ${limit.charAt(0).toLowerCase()}${limit.slice(1)}`));
  }
  return limits;
}

function rangeOf(least: unknown, most: unknown): string | undefined {
  if (typeof least === 'number' && typeof most === 'number' && least !== 0) return `${least} to ${most}`;
  if (typeof most === 'number') return `At most ${most}`;
  if (typeof least === 'number' && least > 0) return `At least ${least}`;
  return undefined;
}

function rulesOf(schema: JsonSchema): string[] {
  const rules = schema['x-kubernetes-validations'];
  if (!Array.isArray(rules)) return [];
  return rules.flatMap((rule: { readonly message?: unknown; readonly fieldPath?: unknown }) => {
    if (typeof rule.message !== 'string') return [];
    const field = typeof rule.fieldPath === 'string' ? `\`${rule.fieldPath.slice(1)}\` ` : '';
    return [capital(`${field}${rule.message}.`)];
  });
}

function membersOf(schema: object): Readonly<Record<string, JsonSchema>> {
  const properties: unknown = 'properties' in schema ? schema.properties : undefined;
  return typeof properties === 'object' && properties !== null ? (properties as Record<string, JsonSchema>) : {};
}

function schemaAt(schema: JsonSchema, keyword: string): JsonSchema | undefined {
  const value = schema[keyword];
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonSchema) : undefined;
}

function textAt(schema: JsonSchema, keyword: string): string {
  const value = schema[keyword];
  return typeof value === 'string' ? value : '';
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** One cell of a table: what Markdown would take for its own is escaped, but not in code, where it stands for itself. */
function cell(text: string): string {
  return text
    .replaceAll('\n', ' ')
    .replaceAll('|', '\\|')
    .split('`')
    .map((part, i) => (i % 2 === 1 ? part : part.replaceAll('<', '&lt;').replaceAll('*', '\\*')))
    .join('`');
}

/** As GitHub makes it of a heading. */
function anchorOf(path: string): string {
  return path.toLowerCase().replaceAll(/[^\w-]/g, '');
}
