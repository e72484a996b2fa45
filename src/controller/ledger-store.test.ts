import { describe, expect, test } from 'vitest';
import { ScriptedKubeClient } from '../../test/support/scripted-kube-client.ts';
import { ApiError } from '../kube/errors.ts';
import { ledgerStore } from './ledger-store.ts';

const { signal } = new AbortController();

/** A ConfigMap of which only the last version may be written, by its resourceVersion. */
class Server {
  version: number | undefined;
  readonly written: (string | undefined)[] = [];
  /** Of each write. */
  refusal: 'NotFound' | 'Conflict' | undefined;
  readonly client = new ScriptedKubeClient(({ method, body }) => {
    if (method === 'GET') return this.version === undefined ? error('NotFound') : { body: this.#text };
    const { metadata } = JSON.parse(String(body)) as { metadata: { resourceVersion?: string } };
    this.written.push(metadata.resourceVersion);
    if (this.refusal !== undefined) return error(this.refusal);
    if (metadata.resourceVersion !== undefined && metadata.resourceVersion !== `${this.version}`) {
      return error('Conflict');
    }
    this.version = (this.version ?? 0) + 1;
    return { body: this.#text };
  });

  get #text(): string {
    const metadata = { name: 'watchkeeper-ledger', namespace: 'ns', uid: 'u', resourceVersion: `${this.version}` };
    return JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { kinds: 'pods' } });
  }
}

function error(code: 'NotFound' | 'Conflict'): ApiError {
  return new ApiError({ code, status: code === 'NotFound' ? 404 : 409, reason: code, message: code });
}

describe('the ledger is written', () => {
  test('where there is none, and then to the version that was written last', async () => {
    const server = new Server();
    const store = ledgerStore(server.client, 'ns', signal);
    expect(await store.read()).toBeUndefined();
    await store.write({});
    await store.write({});
    expect(server.written).toEqual([undefined, '1']);
  });

  test('to the version that was read', async () => {
    const server = new Server();
    server.version = 7;
    const store = ledgerStore(server.client, 'ns', signal);
    expect(await store.read()).toEqual({ kinds: 'pods' });
    await store.write({});
    expect(server.written).toEqual(['7']);
  });

  test('only once what stands there is known, where somebody else has changed or deleted it', async () => {
    const server = new Server();
    server.version = 7;
    const store = ledgerStore(server.client, 'ns', signal);
    await store.read();
    server.version = 9;
    expect(await store.write({})).toEqual({ kinds: 'pods' });
    expect(await store.write({})).toBeUndefined();
    server.version = undefined;
    expect(await store.write({})).toEqual({});
    expect(await store.write({})).toBeUndefined();
    expect(server.written).toEqual(['7', '9', '10', undefined]);
  });

  test('never, and that is an error, where it stands as it is known and cannot be written all the same', async () => {
    for (const version of [7, undefined]) {
      const server = new Server();
      server.version = version;
      server.refusal = version === undefined ? 'NotFound' : 'Conflict';
      const store = ledgerStore(server.client, 'ns', signal);
      await store.read();
      await expect(store.write({})).rejects.toThrow(server.refusal);
    }
  });
});
