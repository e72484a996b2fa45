import type { Admin } from '../cluster/api.ts';
import { conditionOf } from '../cluster/kube-object.ts';
import type { AggregatedStore } from './aggregated-store.ts';
import { BreakableServer, type Breakage } from './breakable-server.ts';
import { GadgetApi, type GadgetApiOptions, VERSION } from './gadget-api.ts';

/**
 * An aggregated API server, with its APIService. kube-apiserver reaches it on loopback, without kube-proxy, because its
 * Service is an alias of localhost.
 */
export class AggregatedApi implements AsyncDisposable {
  readonly #admin: Admin;
  readonly #namespace: string;
  readonly #gadgets: GadgetApi;
  readonly #server: BreakableServer;

  private constructor(admin: Admin, namespace: string, gadgets: GadgetApi, server: BreakableServer) {
    this.#admin = admin;
    this.#namespace = namespace;
    this.#gadgets = gadgets;
    this.#server = server;
  }

  /** Resolves when kube-apiserver serves the kind. */
  static async start(admin: Admin, options: GadgetApiOptions): Promise<AggregatedApi> {
    const namespace = await admin.createNamespace('aggregated');
    const gadgets = new GadgetApi(options);
    const server = await BreakableServer.start([`api.${namespace}.svc`], (...call) => gadgets.handle(...call));
    const api = new AggregatedApi(admin, namespace, gadgets, server);
    await api.register();
    await api.available();
    return api;
  }

  get group(): string {
    return this.#gadgets.group;
  }

  /** Its objects; what is done to them here is as if somebody had done it through the API. */
  get store(): AggregatedStore {
    return this.#gadgets.store;
  }

  /** Of the APIService. */
  get name(): string {
    return `${VERSION}.${this.group}`;
  }

  /** Requests that came to it, also while it was broken. */
  get requests(): number {
    return this.#server.requests;
  }

  collection(namespace: string): string {
    return `/apis/${this.group}/${VERSION}/namespaces/${namespace}/gadgets`;
  }

  async register(): Promise<void> {
    const { port, caBundle } = this.#server;
    await this.#admin.apply({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace: this.#namespace, name: 'api' },
      spec: { type: 'ExternalName', externalName: 'localhost', ports: [{ port }] },
    });
    await this.#admin.apply({
      apiVersion: 'apiregistration.k8s.io/v1',
      kind: 'APIService',
      metadata: { name: this.name },
      spec: {
        group: this.group,
        version: VERSION,
        groupPriorityMinimum: 1_000,
        versionPriority: 15,
        caBundle,
        service: { namespace: this.#namespace, name: 'api', port },
      },
    });
  }

  /** Resolves when kube-apiserver passes requests on. */
  async available(): Promise<void> {
    await this.#admin.waitForList(`/apis/${this.group}/${VERSION}/gadgets`, () => true);
  }

  /** Takes the APIService away; the server runs on. */
  async unregister(): Promise<void> {
    await this.#admin.delete(`/apis/apiregistration.k8s.io/v1/apiservices/${this.name}`);
  }

  break(how: Breakage): void {
    this.#server.break(how);
  }

  /**
   * Resolves when kube-apiserver has noticed that it is broken, or healed. By itself it looks every half minute, and whenever the
   * APIService changes.
   */
  async noticed(available: boolean): Promise<void> {
    const path = `/apis/apiregistration.k8s.io/v1/apiservices/${this.name}`;
    await this.#admin.patch(path, { metadata: { annotations: { looked: String(performance.now()) } } });
    const status = available ? 'True' : 'False';
    await this.#admin.waitFor(path, (service) => conditionOf(service, 'Available')?.['status'] === status);
  }

  heal(): void {
    this.#server.heal();
  }

  async stop(): Promise<void> {
    const path = `/apis/apiregistration.k8s.io/v1/apiservices/${this.name}`;
    if ((await this.#admin.find(path)) !== undefined) await this.unregister();
    await this.#server.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
