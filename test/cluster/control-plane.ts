import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Binaries, type BinaryName, findBinaries } from './binaries.ts';
import { ClusterHandle } from './cluster-handle.ts';
import { compact, etcdHealthy } from './etcd-client.ts';
import { PATIENCE_MS } from './eventually.ts';
import { type Layout, layoutOf, writeLayout } from './layout.ts';
import { freePorts } from './ports.ts';
import { apiServerFlags, controllerManagerFlags, etcdFlags, loopback, type Ports } from './server-flags.ts';
import { type ServerCommand, ServerProcess } from './server-process.ts';
import { Watchdog } from './watchdog.ts';

export interface ControlPlaneOptions {
  /**
   * Runs kube-controller-manager too: namespaces go away, dependents are collected, workloads get their Pods, roles
   * aggregate. It also turns the ServiceAccount admission plugin on. Default false.
   */
  readonly controllerManager?: boolean;
  /** Further flags of kube-apiserver, such as `--feature-gates=...`. */
  readonly apiServerFlags?: readonly string[];
  /** Default: those that `findBinaries` finds. */
  readonly binaries?: Binaries;
}

const STOP_GRACE = 5_000;
const ATTEMPTS = 5;

/**
 * Starts etcd, kube-apiserver and, where asked, kube-controller-manager; resolves when they are ready. They and their
 * folder are gone after `stop`, and also when this process ends in any other way.
 * @throws MissingBinaries, or Error with the end of the log of a server that did not start
 */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const binaries = options.binaries ?? findBinaries();
  for (let attempt = 1; ; attempt++) {
    try {
      return await startOnce(binaries, options);
    } catch (error) {
      // Somebody took a port between our look and the server's.
      const portTaken = error instanceof Error && error.message.includes('address already in use');
      if (!portTaken || attempt === ATTEMPTS) throw error;
    }
  }
}

async function startOnce(binaries: Binaries, options: ControlPlaneOptions): Promise<ControlPlane> {
  const layout = layoutOf(await mkdtemp(join(tmpdir(), 'watchkeeper-cluster-')));
  const watchdog = new Watchdog(layout.dir);
  try {
    const ports = await choosePorts();
    await writeLayout(layout, apiServerUrl(ports));
    const controlPlane = new ControlPlane({ layout, ports, binaries, watchdog, options });
    await controlPlane.start();
    return controlPlane;
  } catch (error) {
    await watchdog.release();
    throw error;
  }
}

interface Parts {
  readonly layout: Layout;
  readonly ports: Ports;
  readonly binaries: Binaries;
  readonly watchdog: Watchdog;
  readonly options: ControlPlaneOptions;
}

/** A control plane that belongs to this process, which may also kill, pause, restart and compact it. */
export class ControlPlane extends ClusterHandle implements AsyncDisposable {
  readonly #parts: Parts;
  #etcd: ServerProcess | undefined;
  #apiServer: ServerProcess | undefined;
  #snapshots = 0;
  #controllerManager: ServerProcess | undefined;

  constructor(parts: Parts) {
    super({ dir: parts.layout.dir, url: apiServerUrl(parts.ports), etcdUrl: loopback(parts.ports.etcdClient) });
    this.#parts = parts;
  }

  /** Called once, by `startControlPlane`. */
  async start(): Promise<void> {
    const { layout, options } = this.#parts;
    await this.startEtcd();
    await this.startApiServer();
    if (options.controllerManager !== true) return;
    this.#controllerManager = this.#spawn('kube-controller-manager', controllerManagerFlags(layout));
    // The work of one of its controllers shows that they run.
    const defaultAccount = '/api/v1/namespaces/default/serviceaccounts/default';
    await this.#controllerManager.ready(async () => this.#answers200(defaultAccount), PATIENCE_MS);
  }

  /** Process ids of the servers that run. */
  get pids(): number[] {
    return [this.#etcd, this.#apiServer, this.#controllerManager]
      .filter((server) => server?.running === true)
      .map((server) => server?.pid)
      .filter((pid) => pid !== undefined);
  }

  /** On the same port and the same data; resolves when it is healthy. */
  async startEtcd(): Promise<void> {
    const { layout, ports } = this.#parts;
    if (this.#etcd?.running === true) throw new Error('etcd runs already');
    this.#etcd = this.#spawn('etcd', etcdFlags(layout, ports));
    await this.#etcd.ready(async () => etcdHealthy(this.etcdUrl), PATIENCE_MS);
  }

  /** SIGKILL: what it has answered is on its disk, and nothing else. */
  async killEtcd(): Promise<void> {
    await this.#etcd?.kill();
  }

  /** SIGSTOP: no write is taken, and what is not in the API server's cache has to wait. */
  pauseEtcd(): void {
    this.#etcd?.signal('SIGSTOP');
  }

  resumeEtcd(): void {
    this.#etcd?.signal('SIGCONT');
  }

  /** On the same port and the same data; resolves when `/readyz` says so. */
  async startApiServer(): Promise<void> {
    const { layout, ports, options } = this.#parts;
    if (this.#apiServer?.running === true) throw new Error('kube-apiserver runs already');
    const flags = apiServerFlags(layout, ports, options.controllerManager === true);
    this.#apiServer = this.#spawn('kube-apiserver', [...flags, ...(options.apiServerFlags ?? [])]);
    await this.#apiServer.ready(async () => this.#answers200('/readyz'), PATIENCE_MS);
  }

  /** SIGTERM: it drains requests and ends watches first. */
  async stopApiServer(): Promise<void> {
    await this.#apiServer?.stop(STOP_GRACE);
  }

  async restartApiServer(): Promise<void> {
    await this.stopApiServer();
    await this.startApiServer();
  }

  /** SIGKILL: connections break in the middle. */
  async killApiServer(): Promise<void> {
    await this.#apiServer?.kill();
  }

  /** SIGSTOP: connections stay open, and nothing answers. */
  pauseApiServer(): void {
    this.#apiServer?.signal('SIGSTOP');
  }

  resumeApiServer(): void {
    this.#apiServer?.signal('SIGCONT');
  }

  /**
   * Drops all history from etcd. An API server that runs still answers old revisions from its cache, lists for up to
   * 15 s and watches for longer; restart it to have them refused with 410 at once.
   * @returns the revision that is now the oldest
   */
  async compactEtcd(): Promise<number> {
    return compact(this.etcdUrl);
  }

  /** A copy of all data; etcd is away for a moment. @returns what `restoreEtcd` takes */
  async snapshotEtcd(): Promise<string> {
    const { etcdData } = this.#parts.layout;
    this.#snapshots += 1;
    const snapshot = `${etcdData}-${this.#snapshots}`;
    await this.#etcd?.stop(STOP_GRACE);
    await cp(etcdData, snapshot, { recursive: true });
    await this.startEtcd();
    return snapshot;
  }

  /** All is as it was then, resourceVersions too. The API server is killed before and started after it. */
  async restoreEtcd(snapshot: string): Promise<void> {
    const { etcdData } = this.#parts.layout;
    await this.killApiServer();
    await this.#etcd?.stop(STOP_GRACE);
    await rm(etcdData, { recursive: true });
    await cp(snapshot, etcdData, { recursive: true });
    await this.startEtcd();
    await this.startApiServer();
  }

  /** Leaves no process and no folder. */
  async stop(): Promise<void> {
    await Promise.all([this.#controllerManager?.stop(STOP_GRACE), this.#apiServer?.stop(STOP_GRACE)]);
    await this.#etcd?.stop(STOP_GRACE);
    await this.#parts.watchdog.release();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #spawn(name: BinaryName, args: readonly string[]): ServerProcess {
    const { binaries, layout, watchdog } = this.#parts;
    const command: ServerCommand = { name, path: binaries[name], args, logFile: join(layout.dir, `${name}.log`) };
    return new ServerProcess(command, watchdog);
  }

  async #answers200(path: string): Promise<boolean> {
    const { status } = await this.asAdmin({ path, timeoutMs: 2_000 });
    return status === 200;
  }
}

async function choosePorts(): Promise<Ports> {
  const [etcdClient = 0, etcdPeer = 0, apiServer = 0] = await freePorts(3);
  return { etcdClient, etcdPeer, apiServer };
}

function apiServerUrl(ports: Ports): string {
  return `https://127.0.0.1:${ports.apiServer}`;
}
