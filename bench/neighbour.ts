/**
 * Another client of the API server, in a process of its own: reads, lists and writes objects of its own at a steady pace, whether or not
 * earlier requests are answered, and says how long each took. `node bench/neighbour.ts KUBECONFIG NAMESPACE`; the namespace holds
 * ConfigMaps `neighbour-0` to `neighbour-99`. Each line of its input asks for what it has measured since the line before, as one line of JSON.
 */
import { type ClientHttp2Session, connect } from 'node:http2';
import { createInterface } from 'node:readline';
import { readKubeconfig } from '../test/cluster/kubeconfig.ts';

const EVERY_MS = 20;
const OBJECTS = 100;

const [, , kubeconfig = '', namespace = ''] = process.argv;
const { url, caPem: ca, token } = await readKubeconfig(kubeconfig);
const session = connect(url, { ca });
const authorization = `Bearer ${token ?? ''}`;
const collection = `/api/v1/namespaces/${namespace}/configmaps`;
const none = (): Record<'GET' | 'LIST' | 'PATCH', number[]> => ({ GET: [], LIST: [], PATCH: [] });
let taken = none();
let round = 0;

setInterval(() => {
  round += 1;
  const path = `${collection}/neighbour-${round % OBJECTS}`;
  const since = performance.now();
  const into = (times: number[]) => () => times.push(performance.now() - since);
  if (round % 3 === 0) void exchange(session, path).then(into(taken.GET));
  else if (round % 3 === 1) void exchange(session, collection).then(into(taken.LIST));
  else void exchange(session, path, { metadata: { annotations: { round: String(round) } } }).then(into(taken.PATCH));
}, EVERY_MS);

createInterface({ input: process.stdin }).on('line', () => {
  process.stdout.write(`${JSON.stringify(taken)}\n`);
  taken = none();
});
process.stdin.on('end', () => process.exit());

/** A merge patch, or a read where there is no body. */
async function exchange(on: ClientHttp2Session, path: string, body?: object): Promise<void> {
  const stream = on.request({
    ':method': body === undefined ? 'GET' : 'PATCH',
    ':path': path,
    authorization,
    ...(body === undefined ? {} : { 'content-type': 'application/merge-patch+json' }),
  });
  await new Promise<void>((resolve) => {
    // A request that the server turns away has had its answer.
    stream.on('error', () => {});
    stream.on('close', resolve);
    stream.resume();
    stream.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
