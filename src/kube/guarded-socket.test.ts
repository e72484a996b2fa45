import { type ClientHttp2Session, connect } from 'node:http2';
import { expect, test } from 'vitest';
import { answerJson, Http2Server } from '../../test/support/http2-server.ts';
import { GuardedSocket } from './guarded-socket.ts';
import { dialTls } from './tls-connect.ts';

test('headers and body of the requests of one moment go out in one piece, for which leave is asked once', async () => {
  let asked = 0;
  const maySend = () => {
    asked += 1;
    return true;
  };
  await using server = await Http2Server.start((stream) => answerJson(stream, 200, {}));
  const socket = await dialTls(server.url, await server.credentials().tls()).socket;
  const session = connect(server.url, { createConnection: () => new GuardedSocket(socket, maySend) });
  // What the two sides tell each other of themselves goes out with the first.
  await patch(session);
  asked = 0;

  await Promise.all(Array.from({ length: 8 }, () => patch(session)));

  expect(asked).toBe(1);
  expect(server.requests.map(({ body }) => body)).toEqual(Array.from({ length: 9 }, () => BODY));
  session.destroy();
});

const BODY = '{"metadata":{"labels":{"team":"a"}}}';

function patch(session: ClientHttp2Session): Promise<void> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':method': 'PATCH', ':path': '/api/v1/namespaces/default/pods/a' });
    stream.on('error', reject);
    stream.on('end', resolve);
    stream.resume();
    stream.end(BODY);
  });
}
