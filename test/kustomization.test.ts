import { execFile } from 'node:child_process';
import { appendFile, cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import * as z from 'zod';
import { at } from './cluster/kube-object.ts';

const deploy = join(import.meta.dirname, '..', 'deploy');

/** What kustomize makes of the folder with these lines added. */
async function kustomized(lines: string): Promise<readonly unknown[]> {
  const folder = await mkdtemp(join(tmpdir(), 'kustomization-'));
  try {
    await cp(deploy, folder, { recursive: true });
    await appendFile(join(folder, 'kustomization.yaml'), lines);
    const { stdout } = await promisify(execFile)('kubectl', ['kustomize', folder]);
    return z.array(z.unknown()).parse(parseAllDocuments(stdout).map((document) => document.toJS() as unknown));
  } finally {
    await rm(folder, { recursive: true });
  }
}

function theOne(documents: readonly unknown[], kind: string): unknown {
  const found = documents.filter((document) => at(document, 'kind') === kind);
  expect(found, kind).toHaveLength(1);
  return found[0];
}

test.each([
  ['as it is', '', 'watchkeeper', 'watchkeeper'],
  ['with a namespace', 'namespace: ops\n', 'ops', 'watchkeeper'],
  ['with a prefix', 'namePrefix: acme-\n', 'watchkeeper', 'acme-watchkeeper'],
])('the guard knows the operator by its service account: %s', async (_what, lines, namespace, name) => {
  const documents = await kustomized(lines);
  const account = theOne(documents, 'ServiceAccount');
  expect([at(account, 'metadata', 'namespace'), at(account, 'metadata', 'name')]).toEqual([namespace, name]);
  const guard = documents.find((document) => String(at(document, 'metadata', 'name')).endsWith('watchkeeper-guard'));
  expect(at(guard, 'spec', 'matchConditions', 0, 'expression')).toBe(
    `request.userInfo.username == 'system:serviceaccount:' + '${namespace}' + ':' + '${name}'`,
  );
});
