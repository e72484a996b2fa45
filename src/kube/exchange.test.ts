import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import type { CarrierStream } from './carrier.ts';
import { Exchange } from './exchange.ts';
import type { Session } from './session.ts';

class ScriptedStream extends EventEmitter implements CarrierStream {
  readonly rstCode = 0;
  readonly destroyed = false;
  readonly close = () => {};
  readonly end = () => {};
}

function opened() {
  const told: string[] = [];
  const stream = new ScriptedStream();
  const pool = { open: () => {}, forget: () => {} };
  // The rest of a session has to do with connections that break.
  const session = { answered: () => {} } as unknown as Session;
  const exchange = new Exchange(
    pool,
    {},
    undefined,
    {
      head: (status) => told.push(`head ${status}`),
      data: (chunk) => told.push(`data ${chunk.toString()}`),
      end: () => told.push('end'),
      fail: ({ message }) => told.push(`fail ${message}`),
    },
    () => undefined,
  );
  exchange.opened(stream, session);
  return { exchange, stream, told };
}

test('data that is told of before the answer that it belongs to comes after it, in its order', () => {
  const { stream, told } = opened();
  stream.emit('data', Buffer.from('a'));
  stream.emit('data', Buffer.from('b'));
  expect(told).toEqual([]);
  stream.emit('response', { ':status': 200, 'content-length': '3' });
  stream.emit('data', Buffer.from('c'));
  stream.emit('end');
  expect(told).toEqual(['head 200', 'data a', 'data b', 'data c', 'end']);
});

test('nothing of it comes after a cancellation', () => {
  const { exchange, stream, told } = opened();
  stream.emit('data', Buffer.from('a'));
  exchange.cancel();
  stream.emit('response', { ':status': 200 });
  expect(told).toEqual([]);
});
