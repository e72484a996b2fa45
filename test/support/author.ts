import type { Admin } from '../cluster/api.ts';
import { eventually } from '../cluster/eventually.ts';
import { at } from '../cluster/kube-object.ts';
import { POLICIES, type PolicySpec } from './installation.ts';

export interface RoleRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

export interface Verdict {
  readonly status: number;
  /** '' where the server takes it. */
  readonly message: string;
}

const GROUP = 'rbac.authorization.k8s.io';
const MAY_WRITE_POLICIES: RoleRule = {
  apiGroups: ['watchkeeper.dev'],
  resources: ['watchpolicies'],
  verbs: ['create', 'update', 'patch', 'get'],
};

/** A user who may write WatchPolicies, and has the further rights that a test gives. */
export class Author {
  readonly #admin: Admin;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #name: string;

  private constructor(admin: Admin, name: string) {
    this.#admin = admin;
    this.#name = name;
    this.#headers = { 'impersonate-user': name, 'impersonate-group': 'system:authenticated' };
  }

  /** Resolves when the API server heeds the rights. */
  static async withRights(admin: Admin, user: string, rules: readonly RoleRule[]): Promise<Author> {
    const metadata = { name: `author-${user}` };
    const all = [MAY_WRITE_POLICIES, ...rules];
    await admin.apply({ apiVersion: `${GROUP}/v1`, kind: 'ClusterRole', metadata, rules: all }, { force: true });
    await admin.apply(
      {
        apiVersion: `${GROUP}/v1`,
        kind: 'ClusterRoleBinding',
        metadata,
        roleRef: { apiGroup: GROUP, kind: 'ClusterRole', name: metadata.name },
        subjects: [{ apiGroup: GROUP, kind: 'User', name: user }],
      },
      { force: true },
    );
    const author = new Author(admin, user);
    await eventually(
      `the rights of ${user}`,
      async () => author.#request('GET', `${POLICIES}/there-is-none`),
      ({ status }) => status === 404,
    );
    return author;
  }

  async gone(): Promise<void> {
    for (const kind of ['clusterrolebindings', 'clusterroles'])
      await this.#admin.delete(`/apis/${GROUP}/v1/${kind}/author-${this.#name}`);
  }

  /** As if a policy of this spec were created. */
  async tries(spec: PolicySpec | undefined): Promise<Verdict> {
    const policy = { apiVersion: 'watchkeeper.dev/v1alpha1', kind: 'WatchPolicy', metadata: { name: 'tried' }, spec };
    return this.#request('POST', `${POLICIES}?dryRun=All`, policy, 'application/json');
  }

  /** As if the policy of this name were changed so. */
  async patches(name: string, patch: object): Promise<Verdict> {
    return this.#request('PATCH', `${POLICIES}/${name}?dryRun=All`, patch, 'application/merge-patch+json');
  }

  async replaces(name: string, policy: object): Promise<Verdict> {
    return this.#request('PUT', `${POLICIES}/${name}?dryRun=All`, policy, 'application/json');
  }

  async #request(method: string, path: string, body?: unknown, type = 'application/json'): Promise<Verdict> {
    const answer = await this.#admin.request(method, path, body, { ...this.#headers, 'content-type': type });
    const message = answer.status < 300 ? '' : at(JSON.parse(answer.body), 'message');
    return { status: answer.status, message: typeof message === 'string' ? message : answer.body };
  }
}
