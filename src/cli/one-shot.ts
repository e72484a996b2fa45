import { systemClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import { VERSION } from '../base/version.ts';
import type { KubeClient } from '../kube/client.ts';
import { loadCredentials } from '../kube/credentials.ts';
import { createKubeClient, userAgentOf } from '../kube/http-client.ts';

/** What commands have in common that ask a cluster something, print the answer and end. */

export interface ClusterChoice {
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
}

/** Resolves as `use` does; the client is closed then, whatever came of it. */
export async function withClient<T>(cluster: ClusterChoice, use: (client: KubeClient) => Promise<T>): Promise<T> {
  const client = createKubeClient({
    credentials: await loadCredentials(cluster, systemClock, silentLog),
    userAgent: userAgentOf(VERSION),
    clock: systemClock,
    log: silentLog,
  });
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}

/** For people: standard output is for what was asked for. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
