/**
 * Another client of the API server: reads and writes objects of its own in turn, at a steady pace, in a process of its own, and says
 * how long each took. `node bench/neighbour.ts KUBECONFIG NAMESPACE`; each line of its input asks for what it has measured since the
 * line before, as one line of JSON.
 */
import { type ClientHttp2Session, connect } from 'node:http2';
import { createInterface } from 'node:readline';
import { readKubeconfig } from '../test/cluster/kubeconfig.ts';

const EVERY_MS = 20;
const OBJECTS = 10;

const [, , kubeconfig = '', namespace = ''] = process.argv;
const { url, caPem: ca, token } = await readKubeconfig(kubeconfig);
const session = connect(url, { ca });
const authorization = `Bearer ${token ?? ''}`;
let taken: number[] = [];
let round = 0;

setInterval(() => {
  round += 1;
  const path = `/api/v1/namespaces/${namespace}/configmaps/neighbour-${round % OBJECTS}`;
  const write = { metadata: { annotations: { round: String(round) } } };
  const since = performance.now();
  void exchange(session, path, round % 2 === 0 ? undefined : JSON.stringify(write)).then(() =>
    taken.push(performance.now() - since),
  );
}, EVERY_MS);

createInterface({ input: process.stdin }).on('line', () => {
  process.stdout.write(`${JSON.stringify(taken)}\n`);
  taken = [];
});
process.stdin.on('end', () => process.exit());

/** A merge patch, or a read where there is no body. */
async function exchange(on: ClientHttp2Session, path: string, body: string | undefined): Promise<void> {
  const isWrite = body !== undefined;
  const stream = on.request({
    ':method': isWrite ? 'PATCH' : 'GET',
    ':path': path,
    authorization,
    ...(isWrite ? { 'content-type': 'application/merge-patch+json' } : {}),
  });
  await new Promise<void>((resolve, reject) => {
    stream.on('error', reject);
    stream.on('end', resolve);
    stream.resume();
    stream.end(body);
  });
}
