import * as fc from 'fast-check';
import { isRecord } from '../../src/base/json-value.ts';
import { parsePolicies } from '../../src/cli/policy-documents.ts';
import { rightsOf } from '../../src/cli/policy-rights.ts';
import { refuseReason } from '../../src/kube/door-rules.ts';
import { mergePatchMetadata } from '../../src/kube/merge-patch.ts';
import { withoutValues } from '../../src/kube/without-values.ts';
import { streamAudit } from '../../src/ops/audit-log.ts';
import type { DatedResult } from '../../src/report/findings.ts';
import { WriteLog } from '../../src/report/write-log.ts';
import { cachedObject } from '../support/cached-object.ts';
import { CONFIG_MAPS, evaluated, programOf } from '../support/compiled-policy.ts';
import { ScriptedKubeClient } from '../support/scripted-kube-client.ts';
import { mutated, nastyJson, nastyText } from './inputs.ts';
import { type FuzzTarget, same, target } from './target.ts';

/** What leaves the process: bodies of writes, lines of logs, what commands print. */

const changes = fc
  .array(fc.tuple(nastyText, fc.option(nastyText)), { maxLength: 4 })
  .map((entries): Readonly<Record<string, string | null>> => Object.fromEntries(entries));

/** Whatever stands in keys and values: labels and annotations change, of the object that was meant, and nothing else. */
const patchBodies = target(
  'merge-patch',
  fc.record({
    uid: nastyText,
    resourceVersion: fc.option(nastyText, { nil: undefined }),
    labels: changes,
    annotations: changes,
  }),
  ({ uid, resourceVersion, labels, annotations }) => {
    const client = new ScriptedKubeClient(() => ({ body: '{"metadata":{"name":"x"}}' }));
    void mergePatchMetadata(client, {
      gvr: { group: '', version: 'v1', resource: 'configmaps' },
      namespace: 'a',
      name: 'x',
      uid,
      resourceVersion,
      labels,
      annotations,
      fieldManager: 'watchkeeper',
      signal: new AbortController().signal,
    });
    const [request] = client.requests;
    if (request === undefined) throw new Error('nothing is sent');
    const body: unknown = JSON.parse(String(request.body));
    if (!isRecord(body) || !isRecord(body['metadata'])) throw new Error('not an object');
    same('fields', Object.keys(body).join(), 'metadata');
    const { metadata } = body;
    same('uid', metadata['uid'], uid);
    for (const field of Object.keys(metadata))
      if (!['uid', 'resourceVersion', 'labels', 'annotations'].includes(field)) throw new Error(`changes ${field}`);
    same('labels', JSON.stringify(metadata['labels'] ?? {}), JSON.stringify(labels));
    same('annotations', JSON.stringify(metadata['annotations'] ?? {}), JSON.stringify(annotations));
    if (uid !== '') same('the door', refuseReason(request, undefined), undefined);
  },
);

const program = programOf('p', {
  rules: [{ name: 'note', set: { annotations: [{ key: 'note', value: 'CANARY-wanted' }] } }],
});

/** Whatever objects and results are named, an entry is one line of JSON, and holds no value. */
const logLines = target(
  'write-log',
  fc.record({ namespace: nastyText, name: nastyText, key: nastyText, rule: nastyText, message: nastyText }),
  ({ namespace, name, key, rule, message }) => {
    const object = cachedObject({ namespace, name, annotations: { note: 'CANARY-there' } });
    let text = '';
    let entries = 0;
    const sink = streamAudit({ write: (line) => void (text += line) });
    const log = new WriteLog({ now: () => 0 }, (entry) => {
      entries += 1;
      sink.write(entry);
    });
    const { winners } = evaluated(object, [program]);
    const written = { channel: 'annotations', key, displaced: true } as const;
    const refusal = { kind: 'Refused', code: 'RefusedByServer', message: `CANARY${message}` } as const;
    const common = {
      kind: CONFIG_MAPS,
      object,
      winners,
      fieldManager: 'watchkeeper',
      set: [written],
      removed: [written],
    };
    log.wrote({ ...common, outcome: refusal });
    const result: DatedResult = {
      rule,
      result: 'Error',
      code: 'RefusedByServer',
      severity: 'high',
      message: `CANARY${message}`,
      since: '2030-01-01T00:00:00Z',
    };
    log.changed(CONFIG_MAPS, object, program, { appeared: [result], ended: [result] });
    const lines = text.split('\n');
    same('lines', lines.length, entries + 1);
    same('the end', lines.pop(), '');
    for (const line of lines) if (!isRecord(JSON.parse(line))) throw new Error(`not an entry: ${line}`);
    if (text.includes('CANARY')) throw new Error('a value is told');
  },
);

const policyFiles = fc.oneof(
  nastyText,
  nastyJson.map((value) => JSON.stringify(value)),
  mutated([
    {
      apiVersion: 'watchkeeper.dev/v1alpha1',
      kind: 'WatchPolicy',
      metadata: { name: 'a' },
      spec: { match: { resources: [{ group: '', resource: 'configmaps' }] }, rules: [] },
    },
  ]).map((value) => JSON.stringify(value)),
  fc.array(nastyText, { maxLength: 5 }).map((texts) => texts.join('\n---\n')),
);

/** Whatever a file holds, there are rights or there are words, each on one line. */
const rightsInput = target('rbac', policyFiles, (text) => {
  const read = parsePolicies(text, 'a file');
  const answer = rightsOf({
    policies: read.policies,
    discovery: undefined,
    namespaces: undefined,
    operatorNamespace: 'watchkeeper',
    enforced: true,
    all: false,
  });
  for (const problem of [...read.problems, ...(answer.ok ? [] : answer.problems)])
    if (/[\r\n]/.test(problem)) throw new Error(`a problem that is not one line: ${problem}`);
  if (!answer.ok && answer.problems.length === 0) throw new Error('refused without a word');
});

/** Admission says what it likes; annotation values that we know are not in what is shown, and it stays one line. */
const admission = target(
  'admission-words',
  fc.record({ before: nastyText, value: nastyText, after: nastyText }),
  ({ before, value, after }) => {
    const secret = `CANARY${value}`;
    const words = `admission webhook "x" denied the request: ${before}${secret}${after}`;
    const shown = withoutValues(words, [secret]);
    if (shown.includes('CANARY') && !`${before}${after}`.includes('CANARY')) throw new Error(`shows ${shown}`);
    if (/[\p{Cc}]/u.test(shown)) throw new Error('not one line');
    same('who speaks', shown.startsWith('admission webhook "x" denied the request:'), true);
  },
);

export const OUTGOING_TARGETS: readonly FuzzTarget[] = [patchBodies, logLines, rightsInput, admission];
