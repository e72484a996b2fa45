import { mkdtemp, readdir, readFile, readlink, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { silentLog } from '../base/log.ts';
import { AuditLog, streamAudit } from './audit-log.ts';

let folder = '';
let file = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'audit-'));
  file = join(folder, 'audit.log');
});
afterEach(() => rm(folder, { recursive: true }));

const entries = async (path = file): Promise<unknown[]> =>
  (await readFile(path, 'utf8'))
    .split('\n')
    .slice(0, -1)
    .map((line): unknown => JSON.parse(line));

function logged() {
  const words: string[] = [];
  const log = {
    ...silentLog,
    error: (_fields: object, message: string) => words.push(message),
    warn: (_fields: object, message: string) => words.push(message),
  };
  return { words, log };
}

describe('a file', () => {
  test('gets one line for each entry, after what is there, in their order', async () => {
    await writeFile(file, '{"i":-1}\n');
    const audit = await AuditLog.open(file, silentLog);
    for (let i = 0; i < 5_000; i++) {
      audit.write({ i });
      if (i % 997 === 0) await new Promise(setImmediate);
    }
    await audit.close();
    expect(await entries()).toEqual(Array.from({ length: 5_001 }, (_, i) => ({ i: i - 1 })));
    expect(audit.counts).toEqual({ Written: 5_000, Dropped: 0 });
  });

  test('that was moved away is opened again, without a line lost or torn', async () => {
    const audit = await AuditLog.open(file, silentLog);
    for (let i = 0; i < 100; i++) audit.write({ i });
    await rename(file, `${file}.1`);
    const reopened = audit.reopen();
    for (let i = 100; i < 200; i++) audit.write({ i });
    await reopened;
    audit.write({ i: 200 });
    await audit.close();
    const all = [...(await entries(`${file}.1`)), ...(await entries())];
    expect(all).toEqual(Array.from({ length: 201 }, (_, i) => ({ i })));
    expect((await entries()).at(-1)).toEqual({ i: 200 });
  });

  test('that is opened again twice at once loses no line, and leaves no file open', async () => {
    const { log, words } = logged();
    const audit = await AuditLog.open(file, log);
    audit.write({ i: 0 });
    await Promise.all([audit.reopen(), audit.reopen()]);
    audit.write({ i: 1 });
    await audit.close();
    expect([await entries(), words]).toEqual([[{ i: 0 }, { i: 1 }], []]);
    const fds = await readdir('/proc/self/fd');
    const open = await Promise.all(fds.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')));
    expect(open).not.toContain(file);
  });

  test('that cannot be opened again stays as it is', async () => {
    const { log, words } = logged();
    const audit = await AuditLog.open(file, log);
    await rename(folder, `${folder}-moved`);
    await audit.reopen();
    audit.write({ i: 1 });
    await audit.close();
    await rename(`${folder}-moved`, folder);
    expect(await entries()).toEqual([{ i: 1 }]);
    expect(words).toEqual(['the audit log could not be opened again']);
  });

  test('in a folder that is not there is refused with its path', async () => {
    const path = join(folder, 'none', 'x');
    await expect(AuditLog.open(path, silentLog)).rejects.toMatchObject({
      code: 'CannotOpenAuditLog',
      message: expect.stringContaining(path),
    });
  });

  test('O5: on a full disk costs its lines, which are counted, and is told of once', async () => {
    const { log, words } = logged();
    const audit = await AuditLog.open('/dev/full', log);
    for (let i = 0; i < 10; i++) {
      audit.write({ i });
      await new Promise(setImmediate);
    }
    await audit.close();
    expect(audit.counts).toEqual({ Written: 0, Dropped: 10 });
    expect(words).toEqual(['the audit log cannot be written; lines are lost']);
  });

  test('O5: that is too slow does not fill the memory', async () => {
    const { log } = logged();
    const audit = await AuditLog.open(file, log);
    const text = 'x'.repeat(1024 * 1024);
    for (let i = 0; i < 20; i++) audit.write({ text });
    expect(audit.counts.Dropped).toBe(5);
    await audit.close();
    expect(audit.counts).toEqual({ Written: 15, Dropped: 5 });
  });
});

test('a stream gets whole lines', () => {
  const written: string[] = [];
  const audit = streamAudit({ write: (text) => written.push(text) });
  audit.write({ a: 1 });
  expect([written, audit.counts]).toEqual([['{"a":1}\n'], { Written: 1, Dropped: 0 }]);
});
