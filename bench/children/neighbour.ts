/**
 * Another client of the API server, in a process of its own: reads, lists and writes objects of its own at a steady
 * pace, whether or not earlier requests are answered, and says how long each took. `node bench/children/neighbour.ts
 * KUBECONFIG NAMESPACE`; the namespace holds ConfigMaps `neighbour-0` to `neighbour-99`. Each line of its input asks
 * for what it has measured since the line before, as one line of JSON.
 */
import { createInterface } from 'node:readline';
import { BareClient, type BareRequest } from '../bare-client.ts';

const EVERY_MS = 20;
const OBJECTS = 100;

const [, , kubeconfig = '', namespace = ''] = process.argv;
const client = await BareClient.open(kubeconfig);
const collection = `/api/v1/namespaces/${namespace}/configmaps`;
const none = (): Record<'GET' | 'LIST' | 'PATCH', number[]> => ({ GET: [], LIST: [], PATCH: [] });
let taken = none();
let round = 0;

setInterval(() => {
  round += 1;
  const path = `${collection}/neighbour-${round % OBJECTS}`;
  if (round % 3 === 0) void timed({ method: 'GET', path }, taken.GET);
  else if (round % 3 === 1) void timed({ method: 'GET', path: collection }, taken.LIST);
  else void timed(annotation(path), taken.PATCH);
}, EVERY_MS);

createInterface({ input: process.stdin }).on('line', () => {
  process.stdout.write(`${JSON.stringify(taken)}\n`);
  taken = none();
});
process.stdin.on('end', () => process.exit());

function annotation(path: string): BareRequest {
  const body = JSON.stringify({ metadata: { annotations: { round: String(round) } } });
  return { method: 'PATCH', path, contentType: 'application/merge-patch+json', body };
}

async function timed(request: BareRequest, into: number[]): Promise<void> {
  const since = performance.now();
  // A request that the server turns away has had its answer.
  await client.send({ ...request, accept: 'application/json' }).catch(() => undefined);
  into.push(performance.now() - since);
}
