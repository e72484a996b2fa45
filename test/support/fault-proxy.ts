import { afterAll, afterEach, beforeAll } from 'vitest';
import { type Fate, FaultProxy, PASS, type ProxiedRequest } from '../faults/proxy.ts';
import type { Stage } from './stage.ts';

export interface Proxied {
  readonly proxy: FaultProxy;
  /** Path of a kubeconfig with which the operator goes through the proxy. */
  readonly kubeconfig: string;
}

/** A proxy in front of the stage's API server for all tests of a file; after each everything passes again. */
export function useFaultProxy(stage: () => Stage): () => Proxied {
  let proxied: Proxied | undefined;
  beforeAll(async () => {
    const proxy = await FaultProxy.start(stage().cluster);
    const kubeconfig = await proxy.kubeconfigFor({ namespace: 'watchkeeper', name: 'watchkeeper' });
    proxied = { proxy, kubeconfig };
  });
  afterEach(() => proxied?.proxy.clear());
  afterAll(() => proxied?.proxy.close());
  return () => {
    if (proxied === undefined) throw new Error('the proxy is started in beforeAll');
    return proxied;
  };
}

/** A request as it came to the proxy. */
export interface SeenRequest extends ProxiedRequest {
  /** In milliseconds, on the clock of `performance.now()`. */
  readonly at: number;
}

/** Lets everything pass, and keeps what came. */
export function recordRequests(proxy: FaultProxy, fate: (request: ProxiedRequest) => Fate = () => PASS): SeenRequest[] {
  const seen: SeenRequest[] = [];
  proxy.use((request) => {
    seen.push({ ...request, at: performance.now() });
    return fate(request);
  });
  return seen;
}
