import { describe, expect, test, vi } from 'vitest';
import { jsonWebToken } from '../../test/support/json-web-token.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';
import { silentLog } from '../base/log.ts';
import { CachedCredentials, type CredentialMaterial } from './cached-credentials.ts';

type Read = (forced: boolean) => Promise<CredentialMaterial>;

function material(token: string, cert = 'one'): CredentialMaterial {
  return { headers: { authorization: `Bearer ${token}` }, tls: { cert: Buffer.from(cert), rejectUnauthorized: true } };
}

function cached(read: Read) {
  const clock = new ManualClock();
  const warnings: string[] = [];
  const log = { ...silentLog, warn: (_fields: object, message: string) => warnings.push(message) };
  const spy = vi.fn<Read>(read);
  const source = { server: new URL('https://127.0.0.1'), namespace: 'n', read: spy };
  return { clock, read: spy, warnings, credentials: new CachedCredentials(source, clock, log) };
}

describe('credentials', () => {
  test('are read once for all who ask at the same time', async () => {
    const { credentials, read } = cached(async () => material('a'));
    const asked = await Promise.all([...Array.from({ length: 20 }, () => credentials.headers()), credentials.tls()]);
    expect(asked[0]).toEqual({ authorization: 'Bearer a' });
    expect(read).toHaveBeenCalledTimes(1);
  });

  test('are read again after a minute, not before', async () => {
    let token = 'a';
    const { credentials, clock } = cached(async () => material(token));
    await credentials.headers();
    token = 'b';
    await clock.advance(59_999);
    expect(await credentials.headers()).toEqual({ authorization: 'Bearer a' });
    await clock.advance(1);
    expect(await credentials.headers()).toEqual({ authorization: 'Bearer b' });
  });

  test('that end soon are made anew with a tenth of their life left, and then no more often than others', async () => {
    let life = { iat: 0, exp: 0 };
    const { credentials, clock, read } = cached(async () => material(jsonWebToken(life)));
    const start = clock.now() / 1_000;
    life = { iat: start, exp: start + 600 };
    const forced = async (ms: number) => {
      await clock.advance(ms);
      await credentials.headers();
      return read.mock.calls.splice(0).flat();
    };
    expect(await forced(0)).toEqual([false]);
    for (let i = 1; i <= 8; i += 1) expect(await forced(60_000)).toEqual([false]);
    // The source has nothing newer.
    expect(await forced(60_000)).toEqual([true]);
    expect(await forced(59_999)).toEqual([]);
    life = { iat: start + 600, exp: start + 690 };
    expect(await forced(1)).toEqual([true]);
    expect(await forced(60_000)).toEqual([false]);
    expect(await forced(20_999)).toEqual([]);
    expect(await forced(1)).toEqual([true]);
  });

  test('stay in use while they cannot be read again', async () => {
    let broken = false;
    const { credentials, clock, read } = cached(async () => {
      if (broken) throw new Error('no such file');
      return material('a');
    });
    await credentials.headers();
    broken = true;
    await clock.advance(60_000);
    expect(await credentials.headers()).toEqual({ authorization: 'Bearer a' });
    expect(await credentials.headers()).toEqual({ authorization: 'Bearer a' });
    expect(read).toHaveBeenCalledTimes(2);
    broken = false;
    await clock.advance(10_000);
    await credentials.headers();
    expect(read).toHaveBeenCalledTimes(3);
  });

  test('stay in use to their end while nothing comes of making them anew, for which nobody waits longer than a moment', async () => {
    const answers: Promise<CredentialMaterial>[] = [];
    const { credentials, clock, read, warnings } = cached(() => answers.shift() ?? new Promise(() => {}));
    const start = clock.now() / 1_000;
    const token = jsonWebToken({ iat: start, exp: start + 100 });
    answers.push(Promise.resolve(material(token)));
    await credentials.headers();
    await clock.advance(60_000);
    const given = vi.fn<(headers: Readonly<Record<string, string>>) => void>();
    const ask = () => void credentials.headers().then(given);
    ask();
    await clock.advance(999);
    expect(given).not.toHaveBeenCalled();
    await clock.advance(1);
    expect(given.mock.calls).toEqual([[{ authorization: `Bearer ${token}` }]]);
    // From then on nobody waits, until it is looked at again.
    expect(await credentials.headers()).toEqual({ authorization: `Bearer ${token}` });
    await clock.advance(29_000);
    ask();
    await clock.advance(1_000);
    expect(given).toHaveBeenCalledTimes(2);
    await clock.advance(8_999);
    expect(await credentials.headers()).toEqual({ authorization: `Bearer ${token}` });
    // They end.
    await clock.advance(1);
    ask();
    await clock.advance(49_000);
    expect([given.mock.calls.length, read.mock.calls]).toEqual([2, [[false], [false], [true]]]);
    answers.push(Promise.resolve(material('b')));
    await clock.advance(1_000);
    expect([given.mock.calls.length, warnings.length]).toEqual([3, 2]);
    await clock.advance(10_000);
    expect(await credentials.headers()).toEqual({ authorization: 'Bearer b' });
    expect(clock.pending).toBe(0);
  });

  test('are said once not to be read again, and not by each who waits', async () => {
    const slow = Promise.withResolvers<CredentialMaterial>();
    const answers = [Promise.resolve(material('a')), slow.promise];
    const { credentials, clock, warnings } = cached(() => answers.shift() ?? new Promise(() => {}));
    await credentials.headers();
    await clock.advance(60_000);
    const asked = Array.from({ length: 20 }, () => credentials.headers());
    slow.reject(new Error('no such file'));
    expect(new Set(await Promise.all(asked))).toEqual(new Set([{ authorization: 'Bearer a' }]));
    expect(warnings).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  test('that never could be read are an error, and the next request tries again', async () => {
    const { credentials, read } = cached(async () => {
      throw new Error('no such file');
    });
    await expect(credentials.headers()).rejects.toMatchObject({
      code: 'Unauthorized',
      message: 'the credentials for https://127.0.0.1 cannot be had: no such file',
    });
    await expect(credentials.tls()).rejects.toMatchObject({ code: 'Unauthorized' });
    expect(read).toHaveBeenCalledTimes(2);
  });

  test('are refreshed once for all who were refused, and not again at once', async () => {
    const { credentials, clock, read } = cached(async (forced) => material(forced ? 'new' : 'old'));
    await credentials.headers();
    await Promise.all([credentials.refresh(), credentials.refresh()]);
    expect(await credentials.headers()).toEqual({ authorization: 'Bearer new' });
    await credentials.refresh();
    expect(read.mock.calls).toEqual([[false], [true]]);
    await clock.advance(5_000);
    await credentials.refresh();
    expect(read).toHaveBeenCalledTimes(3);
  });

  test('count a generation when the certificate changes, and not when the token does', async () => {
    let now = material('a', 'one');
    const { credentials, clock } = cached(async () => now);
    await credentials.tls();
    now = material('b', 'one');
    await clock.advance(60_000);
    await credentials.tls();
    expect(credentials.tlsGeneration).toBe(0);
    now = material('b', 'two');
    await clock.advance(60_000);
    await credentials.tls();
    expect(credentials.tlsGeneration).toBe(1);
  });

  test('are given up when reading them takes a minute', async () => {
    const { credentials, clock } = cached(() => new Promise(() => {}));
    const failed = credentials.headers().catch((error: unknown) => error);
    await clock.advance(60_000);
    expect(await failed).toMatchObject({
      code: 'Unauthorized',
      message: expect.stringContaining('no answer within 60 s'),
    });
    expect(clock.pending).toBe(0);
  });

  test('do not fall back to an older read that ends later', async () => {
    const slow = Promise.withResolvers<CredentialMaterial>();
    const { credentials } = cached((forced) => (forced ? Promise.resolve(material('new')) : slow.promise));
    const first = credentials.headers();
    await credentials.refresh();
    slow.resolve(material('old'));
    expect(await first).toEqual({ authorization: 'Bearer new' });
    expect(await credentials.headers()).toEqual({ authorization: 'Bearer new' });
  });
});
