import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { parseAllDocuments } from 'yaml';

/**
 * Packs the CRDs of a folder, and of the folders in it, into one file for tests: a JSON document in a line, sorted by name,
 * without the descriptions of fields, which are most of the bytes and say nothing to a server.
 *
 *     node scripts/pack-crds.ts FOLDER test/fixtures/crds/real-crds.jsonl.gz
 */
function main([folder, file]: readonly string[]): void {
  if (folder === undefined || file === undefined) throw new Error('usage: pack-crds.ts FOLDER FILE');
  const lines: [name: string, line: string][] = [];
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.yaml')) continue;
    for (const document of parseAllDocuments(readFileSync(join(entry.parentPath, entry.name), 'utf8'))) {
      const crd: unknown = document.toJS();
      if (crd !== null) lines.push([entry.name, JSON.stringify(withoutDescriptions(crd))]);
    }
  }
  lines.sort(([a], [b]) => (a < b ? -1 : 1));
  writeFileSync(file, gzipSync(lines.map(([, line]) => `${line}\n`).join(''), { level: 9 }));
  process.stdout.write(`${lines.length} CRDs in ${file}\n`);
}

/** `inProperties`: the keys are names of fields, of which one may well be 'description'. */
function withoutDescriptions(value: unknown, inProperties = false): unknown {
  if (Array.isArray(value)) return value.map((item) => withoutDescriptions(item));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key, member]) => inProperties || key !== 'description' || typeof member !== 'string')
      .map(([key, member]) => [key, withoutDescriptions(member, key === 'properties' && !inProperties)]),
  );
}

main(process.argv.slice(2));
