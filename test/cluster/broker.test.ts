import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { askBroker, startBroker } from './broker.ts';
import { layoutOf, writeLayout } from './layout.ts';

test('each slot gets one control plane, which is kept and stopped at the end', async () => {
  const started: string[] = [];
  const broker = await startBroker(async ({ controllerManager = false }) => {
    const dir = await mkdtemp(join(tmpdir(), 'broker-test-'));
    const url = `https://127.0.0.1:${started.length + 1}`;
    await writeLayout(layoutOf(dir), url);
    started.push(`${url} ${controllerManager}`);
    return {
      dir,
      url,
      etcdUrl: 'http://127.0.0.1:2379',
      stop: async () => {
        started.push(`stopped ${url}`);
        await rm(dir, { recursive: true });
      },
    };
  });
  const first = await askBroker(broker.socket, { slot: '1', controllerManager: false });
  const again = await askBroker(broker.socket, { slot: '1', controllerManager: false });
  const second = await askBroker(broker.socket, { slot: '2', controllerManager: false });
  const withControllers = await askBroker(broker.socket, { slot: '1', controllerManager: true });
  await broker.close();

  expect(again.dir).toBe(first.dir);
  expect(again.caPem).toBe(first.caPem);
  expect([first, second, withControllers].map(({ url }) => url)).toEqual([
    'https://127.0.0.1:1',
    'https://127.0.0.1:2',
    'https://127.0.0.1:3',
  ]);
  expect(started.slice(0, 3)).toEqual([
    'https://127.0.0.1:1 false',
    'https://127.0.0.1:2 false',
    'https://127.0.0.1:3 true',
  ]);
  expect(started.slice(3).toSorted()).toEqual([
    'stopped https://127.0.0.1:1',
    'stopped https://127.0.0.1:2',
    'stopped https://127.0.0.1:3',
  ]);
  await expect(askBroker(broker.socket, { slot: '1', controllerManager: false })).rejects.toThrow(
    /ENOENT|ECONNREFUSED/,
  );
});

test('the reason why a control plane did not start reaches who asked', async () => {
  const broker = await startBroker(async () => Promise.reject(new Error('etcd ended (exit code 1)')));
  const asking = askBroker(broker.socket, { slot: '1', controllerManager: false });
  await expect(asking).rejects.toThrow('no shared control plane: etcd ended (exit code 1)');
  await broker.close();
});
