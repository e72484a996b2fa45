import { LineCounter, parseDocument } from 'yaml';
import { isRecord, type JsonRecord, recordOf } from '../base/json-value.ts';

/** The lists of a kubeconfig: under which name the entry's own fields are, and which of these are text. */
const LISTS = {
  clusters: {
    inner: 'cluster',
    texts: ['server', 'certificate-authority', 'certificate-authority-data', 'tls-server-name', 'proxy-url'],
  },
  users: {
    inner: 'user',
    texts: [
      'token',
      'tokenFile',
      'username',
      'password',
      'client-certificate',
      'client-certificate-data',
      'client-key',
      'client-key-data',
      'as',
    ],
  },
  contexts: { inner: 'context', texts: ['cluster', 'user', 'namespace'] },
} as const;

/**
 * A kubeconfig of which all that we use has the type that kubectl asks for. Throws Error that says where it is wrong.
 * Nothing that stands in it is in the message: parsers quote the lines around a mistake, and those hold tokens and
 * keys.
 */
export function parseKubeconfig(text: string): JsonRecord {
  const document = parseYaml(text);
  if (!isRecord(document)) throw new Error('it is no YAML or JSON object');
  requireText(document, 'current-context', '');
  for (const [list, { inner, texts }] of Object.entries(LISTS)) {
    for (const [i, entry] of listOf(document, list).entries()) {
      const where = `${list}[${i}].`;
      if (!isRecord(entry)) throw new Error(`${list}[${i}] must be an object`);
      if (typeof entry['name'] !== 'string' || entry['name'] === '') throw new Error(`${where}name must be text`);
      const fields = entry[inner] ?? {};
      if (!isRecord(fields)) throw new Error(`${where}${inner} must be an object`);
      for (const field of texts) requireText(fields, field, `${where}${inner}.`);
      // client-node would read it.
      if (fields['token-file'] !== undefined)
        throw new Error(`${where}${inner}.token-file is not known: use tokenFile`);
      requireFlag(fields, 'insecure-skip-tls-verify', `${where}${inner}.`);
      requirePlugin(fields['exec'], `${where}${inner}.exec`);
    }
  }
  return document;
}

function parseYaml(text: string): unknown {
  const lines = new LineCounter();
  const document = parseDocument(text, { prettyErrors: false, lineCounter: lines, merge: true, logLevel: 'error' });
  const [error] = document.errors;
  if (error !== undefined) {
    const { line, col } = lines.linePos(error.pos[0]);
    throw new Error(`it is not valid YAML at line ${line}, column ${col} (${error.code})`);
  }
  try {
    return document.toJS();
  } catch {
    throw new Error('it is not valid YAML: an alias leads nowhere, or too many lead on to others');
  }
}

function listOf(document: JsonRecord, list: string): readonly unknown[] {
  const entries = document[list] ?? [];
  if (!Array.isArray(entries)) throw new Error(`${list} must be a list`);
  return entries;
}

function requireText(fields: JsonRecord, field: string, where: string): void {
  const value = fields[field] ?? '';
  if (typeof value !== 'string') throw new Error(`${where}${field} must be text: put it in quotes`);
}

function requireFlag(fields: JsonRecord, field: string, where: string): void {
  const value = fields[field] ?? false;
  if (typeof value !== 'boolean') throw new Error(`${where}${field} must be true or false`);
}

function requirePlugin(plugin: unknown, where: string): void {
  if (plugin === undefined || plugin === null) return;
  if (!isRecord(plugin)) throw new Error(`${where} must be an object`);
  if (typeof plugin['command'] !== 'string' || plugin['command'] === '')
    throw new Error(`${where}.command must be text`);
  const { args, env } = plugin;
  if (!isListOf(args, (arg) => typeof arg === 'string')) throw new Error(`${where}.args must be a list of texts`);
  if (!isListOf(env, isVariable)) throw new Error(`${where}.env must be a list of names and values that are texts`);
}

function isListOf(value: unknown, isMember: (entry: unknown) => boolean): boolean {
  return value === undefined || value === null || (Array.isArray(value) && value.every(isMember));
}

function isVariable(entry: unknown): boolean {
  const { name, value } = recordOf(entry);
  return typeof name === 'string' && typeof value === 'string';
}
