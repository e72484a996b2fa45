import { once } from 'node:events';
import * as z from 'zod';
import { countInstances } from './heap-snapshot.ts';

const Reply = z.object({
  id: z.number().optional(),
  result: z.unknown().optional(),
  error: z.unknown().optional(),
  params: z.object({ chunk: z.string().optional() }).optional(),
});
const Evaluated = z.object({ result: z.object({ value: z.unknown() }) });
const Spaces = z.array(z.object({ space_name: z.string(), space_used_size: z.number() }));

/** Bytes that are still reachable. */
export interface Heap {
  readonly objects: number;
  /** Of V8, compiled from functions as they get warm, for hours: bytecode and machine code, and what belongs to them. */
  readonly code: number;
  /** Outside of V8, but held by objects on its heap: buffers above all. */
  readonly buffers: number;
}

const CODE_SPACE = /code|trusted/;

/** Looks into a process that was started with `--inspect=127.0.0.1:0`, without any code of its own for that. */
export class Inspector implements Disposable {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  /** Of the heap snapshot that is being taken. */
  #chunks: string[] = [];
  #id = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => this.#take(String(data)));
    socket.addEventListener('close', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('the process has ended'));
      this.#waiting.clear();
    });
  }

  /** `url` as the process prints it at its start. */
  static async attach(url: string): Promise<Inspector> {
    const socket = new WebSocket(url);
    await once(socket, 'open');
    return new Inspector(socket);
  }

  /** After a full collection. */
  async heap(): Promise<Heap> {
    // What finalizers let go of is collected by the second one.
    await this.#ask('HeapProfiler.collectGarbage');
    await this.#ask('HeapProfiler.collectGarbage');
    const spaces = Spaces.parse(await this.#evaluate(`process.getBuiltinModule('node:v8').getHeapSpaceStatistics()`));
    const heap = { objects: 0, code: 0, buffers: Number(await this.#evaluate('process.memoryUsage().external')) };
    for (const { space_name: name, space_used_size: used } of spaces) {
      heap[CODE_SPACE.test(name) ? 'code' : 'objects'] += used;
    }
    return heap;
  }

  /** After a full collection: how many objects of each class there are, and closures of each function. */
  async instances(): Promise<ReadonlyMap<string, number>> {
    this.#chunks = [];
    await this.#ask('HeapProfiler.collectGarbage');
    await this.#ask('HeapProfiler.takeHeapSnapshot');
    return countInstances(this.#chunks.join(''));
  }

  /** What keeps its event loop alive, by the name that Node gives it, such as `Timeout` and `TLSSocketWrap`. */
  async resources(): Promise<ReadonlyMap<string, number>> {
    const names = await this.#evaluate('process.getActiveResourcesInfo().join()');
    const counts = new Map<string, number>();
    for (const name of String(names).split(',')) counts.set(name, (counts.get(name) ?? 0) + 1);
    return counts;
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }

  async #evaluate(expression: string): Promise<unknown> {
    return Evaluated.parse(await this.#ask('Runtime.evaluate', { expression, returnByValue: true })).result.value;
  }

  async #ask(method: string, params: object = {}): Promise<unknown> {
    const reply = Promise.withResolvers<unknown>();
    this.#id += 1;
    this.#waiting.set(this.#id, reply);
    this.#socket.send(JSON.stringify({ id: this.#id, method, params }));
    return reply.promise;
  }

  #take(text: string): void {
    const { id, result, error, params } = Reply.parse(JSON.parse(text));
    if (params?.chunk !== undefined) this.#chunks.push(params.chunk);
    const reply = this.#waiting.get(id ?? 0);
    if (reply === undefined) return;
    this.#waiting.delete(id ?? 0);
    if (error === undefined) reply.resolve(result);
    else reply.reject(new Error(`the inspector answered ${JSON.stringify(error)}`));
  }
}
