import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { parseAllDocuments } from 'yaml';
import { WATCH_POLICIES, WATCH_POLICY_KIND } from '../api/watch-policy.ts';
import { quoted } from '../api/words.ts';
import { messageOf } from '../base/errors.ts';
import { recordOf } from '../base/json-value.ts';
import type { PolicySource } from '../policy/compile.ts';

/** A policy, and where it was found, for messages. */
export interface PolicyDocument extends PolicySource {
  readonly where: string;
}

export interface PolicyDocuments {
  readonly policies: readonly PolicyDocument[];
  /** Documents of other kinds, which stand beside policies in many folders. */
  readonly others: number;
  /** What could not be read, in words. */
  readonly problems: readonly string[];
}

/** What every file of a folder may be named. */
const EXTENSIONS = /\.(?:ya?ml|json)$/;

/** Policies in files, in all YAML and JSON files of folders, and in standard input for `-`. */
export async function readPolicyFiles(paths: readonly string[]): Promise<PolicyDocuments> {
  const found = await Promise.all(paths.map(readPath));
  return together(found.flat());
}

async function readPath(path: string): Promise<PolicyDocuments[]> {
  try {
    if (path === '-') return [parsePolicies(await text(process.stdin), 'standard input')];
    const files = (await stat(path)).isDirectory()
      ? (await readdir(path, { recursive: true })).filter((name) => EXTENSIONS.test(name)).toSorted()
      : undefined;
    if (files === undefined) return [parsePolicies(await readFile(path, 'utf8'), path)];
    return await Promise.all(
      files.map(async (file) => parsePolicies(await readFile(join(path, file), 'utf8'), join(path, file))),
    );
  } catch (error) {
    return [{ policies: [], others: 0, problems: [`${path}: ${messageOf(error)}`] }];
  }
}

/** The policies in a text of one or more YAML documents (of which JSON is one kind), or in a List. */
export function parsePolicies(source: string, where: string): PolicyDocuments {
  const documents = parseAllDocuments(source);
  const found = [...documents].map((document): PolicyDocuments => {
    const [error] = document.errors;
    if (error !== undefined)
      return { policies: [], others: 0, problems: [`${where}: ${error.message.split('\n')[0]}`] };
    try {
      return policiesIn(document.toJS({ maxAliasCount: 100 }), where);
    } catch (thrown) {
      return { policies: [], others: 0, problems: [`${where}: ${messageOf(thrown)}`] };
    }
  });
  return together(found);
}

function policiesIn(value: unknown, where: string): PolicyDocuments {
  if (value === null) return { policies: [], others: 0, problems: [] };
  const { apiVersion, kind, metadata, spec, items } = recordOf(value);
  if (typeof kind === 'string' && kind.endsWith('List') && Array.isArray(items)) {
    return together(items.map((item: unknown) => policiesIn(item, where)));
  }
  if (kind !== WATCH_POLICY_KIND) return { policies: [], others: 1, problems: [] };
  const version = `${WATCH_POLICIES.group}/${WATCH_POLICIES.version}`;
  const { name } = recordOf(metadata);
  if (typeof name !== 'string' || name === '')
    return { policies: [], others: 0, problems: [`${where}: a WatchPolicy without metadata.name`] };
  if (apiVersion !== version) {
    const problem = `${where}: ${quoted(name)}: apiVersion must be ${version}, found ${quoted(String(apiVersion))}`;
    return { policies: [], others: 0, problems: [problem] };
  }
  return { policies: [{ name, uid: '', generation: 1, spec, where }], others: 0, problems: [] };
}

function together(all: readonly PolicyDocuments[]): PolicyDocuments {
  return {
    policies: all.flatMap(({ policies }) => policies),
    others: all.reduce((sum, { others }) => sum + others, 0),
    problems: all.flatMap(({ problems }) => problems),
  };
}
