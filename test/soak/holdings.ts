import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { eventually } from '../cluster/eventually.ts';
import type { ProductProcess } from '../support/product-process.ts';
import { type Heap, Inspector } from './inspector.ts';

/** To be given to Node, so that `holdingsOf` and `inspect` can look into the process. */
export const INSPECTABLE = '--inspect=127.0.0.1:0';

/** What a process holds, read from outside while it works. */
export interface Outside {
  readonly residentBytes: number;
  readonly sockets: number;
  readonly descriptors: number;
}

/** What it holds when there is nothing to do. */
export interface Holdings extends Outside {
  readonly heap: Heap;
  /** By the name that Node gives it: what keeps its event loop alive. */
  readonly resources: ReadonlyMap<string, number>;
  /** Streams to the server that are watches. */
  readonly watches: number;
  /** To the server. One that was left for another goes on with the watches that it has. */
  readonly connections: number;
  /** Kinds by their state. */
  readonly kinds: ReadonlyMap<string, string>;
}

/** Undefined when there is no such process. */
export function outsideOf(pid: number): Outside | undefined {
  const folder = `/proc/${pid}`;
  try {
    const kib = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`${folder}/status`, 'utf8'))?.[1]);
    const targets = readdirSync(`${folder}/fd`).map((fd) => linkOf(`${folder}/fd/${fd}`));
    const sockets = targets.filter((target) => target.startsWith('socket:')).length;
    return { residentBytes: kib * 1024, sockets, descriptors: targets.length };
  } catch {
    return undefined;
  }
}

export async function holdingsOf(process: ProductProcess): Promise<Holdings> {
  using inspector = await inspect(process);
  const heap = await inspector.heap();
  const resources = await inspector.resources();
  const watches = await process.metric('watchkeeper_streams', 'pool="watch"');
  const connections = await process.metric('watchkeeper_connections');
  const kinds = await process.labels('watchkeeper_informer_state', 'kind', 'state');
  const outside = outsideOf(process.pid);
  if (outside === undefined) throw new Error(`the process ${process.pid} has ended:\n${process.tail()}`);
  return { ...outside, heap, resources, watches, connections, kinds };
}

export async function inspect(process: ProductProcess): Promise<Inspector> {
  const url = await eventually(
    'the address of the inspector',
    async () => /ws:\S+/.exec(process.noise.join('\n'))?.[0] ?? '',
    (found) => found !== '',
  );
  return Inspector.attach(url);
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
