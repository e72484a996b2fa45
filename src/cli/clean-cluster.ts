import { SingleBar } from 'cli-progress';
import { groupResourceName } from '../api/resource.ts';
import { WATCH_POLICIES } from '../api/watch-policy.ts';
import { counted, listed, quoted } from '../api/words.ts';
import { systemClock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import { silentLog } from '../base/log.ts';
import type { KubeClient } from '../kube/client.ts';
import type { DiscoverySnapshot } from '../kube/discovery.ts';
import { DiscoveryClient } from '../kube/discovery-client.ts';
import { ApiError } from '../kube/errors.ts';
import { nameSelector } from '../kube/field-selector.ts';
import { createListWatch } from '../kube/list-watch-client.ts';
import { keyProtection } from '../policy/key-protection.ts';
import type { KindContext } from '../policy/program.ts';
import { Cleanup, type CleanupObserver, type KindCleanup } from '../write/cleanup.ts';
import { chooseKinds } from '../write/cleanup-kinds.ts';
import { objectRequests } from '../write/object-requests.ts';
import { ObjectWriter } from '../write/object-writer.ts';
import type { CleanupOptions } from './cleanup.ts';
import { cleanupReport } from './cleanup-report.ts';
import { isEnforced, listPolicies } from './cluster-policies.ts';
import { say, withClient } from './one-shot.ts';

/** Exit codes. */
const CLEAN = 0;
const LEFT_OVER = 1;
const REFUSED = 2;
/** As shells say it of what Ctrl-C has ended. */
const INTERRUPTED = 130;

/** Kinds at once, and writes at once for each: the server has others to serve. */
const KINDS_AT_ONCE = 4;
const WRITES_PER_KIND = 4;

/** Resolves to the exit code. */
export async function cleanCluster({ kubeconfig, context, ...options }: CleanupOptions): Promise<number> {
  const abort = new AbortController();
  const { signal } = abort;
  const onSignal = () => abort.abort(new Error('interrupted'));
  process.once('SIGINT', onSignal);
  process.once('SIGTERM', onSignal);
  try {
    return await withClient({ kubeconfig, context }, (client) => cleanKinds(client, options, signal));
  } catch (error) {
    say(signal.aborted ? 'Interrupted. What was removed stays removed; run it again to go on.' : messageOf(error));
    return signal.aborted ? INTERRUPTED : LEFT_OVER;
  } finally {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}

async function cleanKinds(
  client: KubeClient,
  { dryRun, kinds: asked, retained, allowKeys, force }: Omit<CleanupOptions, 'kubeconfig' | 'context'>,
  signal: AbortSignal,
): Promise<number> {
  const discovery = await new DiscoveryClient(client).refresh(signal);
  const chosen = chooseKinds(discovery, asked);
  if (!chosen.ok) {
    say(`--kinds: ${chosen.problem}.`);
    return REFUSED;
  }
  const enforced = dryRun || force ? [] : await enforcedPolicies(client, discovery, signal);
  if (enforced.length > 0) {
    const first = listed(enforced.slice(0, 3).map(quoted), 'and');
    say(
      `${counted(enforced.length, 'policy is', 'policies are')} enforced, such as ${first}: an operator that runs would set the keys again. Delete the policies first (the operator then removes the keys itself), or use --force where none runs.`,
    );
    return REFUSED;
  }
  const bar = new Progress(chosen.kinds.length);
  const cleaner = new Cleanup({
    clock: systemClock,
    signal,
    dryRun,
    retained,
    protection: keyProtection(allowKeys),
    writer: new ObjectWriter(objectRequests(client, signal), silentLog),
    lister: ({ group, version, resource }, only) =>
      createListWatch(client, {
        gvr: { group, version, resource },
        namespace: only?.namespace,
        fieldSelector: only && nameSelector(only.name),
        representation: { kind: 'Metadata' },
      }),
    width: WRITES_PER_KIND,
    observe: bar,
  });
  try {
    const results = await inParallel(chosen.kinds, async (kind) => {
      const result = await cleaner.clean(kind);
      bar.kindDone();
      return result;
    });
    bar.stop();
    process.stdout.write(cleanupReport({ kinds: results, dryRun, retained }));
    return results.some(({ problem }) => problem !== undefined) ? LEFT_OVER : CLEAN;
  } finally {
    bar.stop();
  }
}

/** Names of policies in mode Enforce; none where they cannot be read. */
async function enforcedPolicies(
  client: KubeClient,
  discovery: DiscoverySnapshot,
  signal: AbortSignal,
): Promise<readonly string[]> {
  if (!discovery.has(groupResourceName(WATCH_POLICIES))) return [];
  const policies = await listPolicies(client, signal).catch((error: unknown) => {
    if (!(error instanceof ApiError && error.code === 'Forbidden')) throw error;
    say('Whether policies are enforced cannot be seen: there is no right to list watchpolicies.');
    return [];
  });
  return policies.filter(isEnforced).map(({ name }) => name);
}

/** The results in the order of the kinds. */
async function inParallel(
  kinds: readonly KindContext[],
  clean: (kind: KindContext) => Promise<KindCleanup>,
): Promise<readonly KindCleanup[]> {
  const results = new Map<number, KindCleanup>();
  const rest = kinds.entries();
  const worker = async () => {
    for (const [place, kind] of rest) results.set(place, await clean(kind));
  };
  await Promise.all(Array.from({ length: KINDS_AT_ONCE }, worker));
  return [...results].toSorted(([a], [b]) => a - b).map(([, result]) => result);
}

/** On a terminal only; the table goes to stdout, all else to stderr. */
class Progress implements CleanupObserver {
  readonly #bar: SingleBar | undefined;
  #objects = 0;
  #found = 0;
  #handled = 0;

  constructor(kinds: number) {
    if (!process.stderr.isTTY) return;
    this.#bar = new SingleBar({
      format: '[{bar}] {value}/{total} kinds, {objects} objects, {handled}/{found} cleaned',
      stream: process.stderr,
      clearOnComplete: true,
    });
    this.#bar.start(kinds, 0, this.#payload());
  }

  listed(_kind: string, objects: number, found: number): void {
    this.#objects += objects;
    this.#found += found;
    this.#bar?.update(this.#payload());
  }

  handled(): void {
    this.#handled += 1;
    this.#bar?.update(this.#payload());
  }

  kindDone(): void {
    this.#bar?.increment(this.#payload());
  }

  stop(): void {
    this.#bar?.stop();
  }

  #payload() {
    return { objects: this.#objects, found: this.#found, handled: this.#handled };
  }
}
