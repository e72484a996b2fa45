import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { auditEntries, auditMark } from './audit-log.ts';

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'audit-log-'));
  file = join(folder, 'audit.log');
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const RECEIVED = Date.parse('2026-01-02T03:04:05.000Z');

type Stage = 'RequestReceived' | 'ResponseComplete';

function line(name: string, received = '2026-01-02T03:04:05.000250Z', stage: Stage = 'ResponseComplete'): string {
  const event = {
    auditID: name,
    stage,
    verb: 'patch',
    requestURI: `/api/v1/namespaces/ä/pods/${name}?fieldManager=watch%2Fkeeper&dryRun=All`,
    user: { username: 'anna' },
    objectRef: { resource: 'pods', namespace: 'ä', name },
    responseStatus: { code: 409, message: 'modified meanwhile' },
    requestReceivedTimestamp: received,
    stageTimestamp: '2026-01-02T03:04:05.012000Z',
  };
  return `${JSON.stringify(event)}\n`;
}

test('a log that is not there yet has no entries', async () => {
  expect(await auditMark(file)).toMatchObject({ position: 0 });
  expect(await auditEntries(file)).toEqual([]);
});

test('only what was added after the mark is read, and never half a line', async () => {
  await writeFile(file, line('a'));
  const mark = { ...(await auditMark(file)), at: RECEIVED };
  await appendFile(file, `${line('b')}${line('c')}${line('d').slice(0, 40)}`);
  expect((await auditEntries(file, mark)).map(({ name }) => name)).toEqual(['b', 'c']);
  expect((await auditEntries(file)).map(({ name }) => name)).toEqual(['a', 'b', 'c']);
});

test('an entry that is late, of a request from before the mark, is not taken for one after it', async () => {
  await writeFile(file, line('a'));
  const mark = await auditMark(file);
  const soon = new Date(mark.at + 1_000).toISOString();
  await appendFile(file, `${line('late')}${line('b', soon)}`);
  expect((await auditEntries(file, mark)).map(({ name }) => name)).toEqual(['b']);
});

const iso = (at: number) => new Date(at).toISOString();

test('what came before the question is read with its answer, which may be logged after others see what it did', async () => {
  const mark = await auditMark(file);
  const came = iso(Date.now());
  await writeFile(file, line('a', came, 'RequestReceived'));
  const asked = auditEntries(file, mark);
  const later = iso(Date.now() + 5_000);
  await appendFile(file, line('later', later, 'RequestReceived') + line('b', later));
  await appendFile(file, line('a', came));
  expect((await asked).map(({ name }) => name)).toEqual(['b', 'a']);
});

test('what has no answer for as long as nobody waits is not waited for', async () => {
  const killed = Date.now() - 60_000;
  await writeFile(file, line('killed', iso(killed), 'RequestReceived') + line('a'));
  expect((await auditEntries(file)).map(({ name }) => name)).toEqual(['a']);
});

test('an entry says what was asked, and leaves out nothing', async () => {
  await writeFile(file, line('a'));
  expect(await auditEntries(file)).toEqual([
    {
      verb: 'patch',
      user: 'anna',
      userAgent: '',
      group: '',
      resource: 'pods',
      subresource: '',
      namespace: 'ä',
      name: 'a',
      code: 409,
      message: 'modified meanwhile',
      requestURI: '/api/v1/namespaces/ä/pods/a?fieldManager=watch%2Fkeeper&dryRun=All',
      fieldManager: 'watch/keeper',
      dryRun: true,
      receivedAt: Date.UTC(2026, 0, 2, 3, 4, 5),
      completedAt: Date.UTC(2026, 0, 2, 3, 4, 5, 12),
    },
  ]);
});
