import * as z from 'zod';

/** The few calls that tests make to etcd itself, through its JSON gateway. Base URLs look like `http://127.0.0.1:2379`. */

export async function etcdHealthy(url: string): Promise<boolean> {
  const response = await fetch(new URL('/health', url));
  return response.ok;
}

const Versions = z.object({ kvs: z.array(z.object({ key: z.string(), version: z.string() })).default([]) });

/** API servers watch this key for the last compacted revision. */
const COMPACTION_NOTE = base64('compact_rev_key');

/**
 * Drops every revision before the current one, and leaves the note that the API server's own compactor leaves. An API
 * server reads it every 15 s and then forgets its own snapshots of older revisions; one that starts later never had any.
 * @returns the revision that is now the oldest
 */
export async function compact(url: string): Promise<number> {
  const revision = revisionOf(await post(url, '/v3/kv/range', { key: COMPACTION_NOTE }));
  await post(url, '/v3/kv/put', { key: COMPACTION_NOTE, value: base64(String(revision)) });
  await post(url, '/v3/kv/compaction', { revision: String(revision), physical: true });
  return revision;
}

/** By key: how often each was written since it was made, of all keys that begin so. */
export async function versionsOf(url: string, prefix: string): Promise<ReadonlyMap<string, number>> {
  const end = `${prefix.slice(0, -1)}${String.fromCodePoint((prefix.codePointAt(prefix.length - 1) ?? 0) + 1)}`;
  const range = { key: base64(prefix), range_end: base64(end), keys_only: true };
  const { kvs } = Versions.parse(await post(url, '/v3/kv/range', range));
  return new Map(kvs.map(({ key, version }) => [Buffer.from(key, 'base64').toString('utf8'), Number(version)]));
}

/** Stores another value under a key, past the API server, which finds it changed. `change` gets the value as text. */
export async function rewrite(url: string, key: string, change: (value: string) => string): Promise<void> {
  const { kvs } = Values.parse(await post(url, '/v3/kv/range', { key: base64(key) }));
  const [found] = kvs;
  if (found === undefined) throw new Error(`etcd has no ${key}`);
  const value = change(Buffer.from(found.value, 'base64').toString('utf8'));
  await post(url, '/v3/kv/put', { key: base64(key), value: base64(value) });
}

const Values = z.object({ kvs: z.array(z.object({ value: z.string() })).default([]) });

async function post(url: string, path: string, body: unknown): Promise<unknown> {
  const response = await fetch(new URL(path, url), { method: 'POST', body: JSON.stringify(body) });
  const text = await response.text();
  if (!response.ok) throw new Error(`etcd answered ${response.status} to ${path}: ${text}`);
  return JSON.parse(text);
}

function revisionOf(answer: unknown): number {
  const header = fieldOf(answer, 'header');
  const revision = Number(fieldOf(header, 'revision'));
  if (!Number.isSafeInteger(revision)) throw new Error(`etcd gave no revision: ${JSON.stringify(answer)}`);
  return revision;
}

function fieldOf(value: unknown, field: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, field) : undefined;
}

function base64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64');
}
