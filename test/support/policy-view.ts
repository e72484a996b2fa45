import type { KubeObject } from '../cluster/kube-object.ts';

/** A WatchPolicy's status as tests look at it. */
export interface PolicyView {
  readonly generation: number;
  readonly observedGeneration: number;
  /** By type. */
  readonly conditions: Readonly<
    Record<string, { readonly status: string; readonly reason: string; readonly message: string }>
  >;
  readonly summary: Readonly<Record<string, number>>;
  /** Kinds by how they are watched. */
  readonly watching: Readonly<Record<string, number>>;
  readonly violations: readonly {
    readonly kind: string;
    readonly namespace?: string;
    readonly name: string;
    readonly rule: string;
    readonly result: string;
    readonly message: string;
  }[];
  readonly violationsTotal: number;
  readonly raw: KubeObject;
}

const CONDITION = ['status', 'reason', 'message'] as const;

export function viewOf(raw: KubeObject): PolicyView {
  const status = (raw['status'] ?? {}) as {
    readonly observedGeneration?: number;
    readonly conditions?: readonly Record<string, string>[];
    readonly summary?: Record<string, number>;
    readonly watching?: Record<string, number>;
    readonly violations?: PolicyView['violations'];
    readonly violationsTotal?: number;
  };
  const conditions = (status.conditions ?? []).map((condition) => {
    const [state = '', reason = '', message = ''] = CONDITION.map((field) => condition[field]);
    return [condition['type'] ?? '', { status: state, reason, message }] as const;
  });
  return {
    generation: raw.metadata.generation,
    observedGeneration: status.observedGeneration ?? 0,
    conditions: Object.fromEntries(conditions),
    summary: status.summary ?? {},
    watching: status.watching ?? {},
    violations: status.violations ?? [],
    violationsTotal: status.violationsTotal ?? 0,
    raw,
  };
}

/** The condition's status; 'Unset' while it is not there. */
export function is(view: PolicyView, type: string): string {
  return view.conditions[type]?.status ?? 'Unset';
}
