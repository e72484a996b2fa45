import type { MetaController } from '../controller/meta-controller.ts';
import type { ObjectController } from '../controller/object-controller.ts';
import type { PolicySet } from '../controller/policy-set.ts';
import { watchTotals } from '../controller/watch-totals.ts';
import type { HttpKubeClient } from '../kube/http-client.ts';
import type { EventSender } from '../report/events/event-sender.ts';
import type { StatusWriter } from '../report/status-writer.ts';
import type { VerdictTable } from '../report/verdict-table.ts';
import type { AuditSink } from './audit-log.ts';
import type { KindMetrics, MetricsSources, PolicyMetrics } from './gauges.ts';

/** Those that are there only in the process that leads. */
export interface LeadingParts {
  readonly objects: ObjectController;
  readonly verdicts: Pick<VerdictTable, 'totals' | 'counts'>;
  readonly status: Pick<StatusWriter, 'standing'>;
  readonly events: Pick<EventSender, 'depth'>;
}

/** The parts of the operator that metrics are read from. */
export interface MeasuredParts {
  readonly client: Pick<HttpKubeClient, 'state'>;
  readonly policies: Pick<PolicySet, 'entries' | 'size'>;
  readonly meta: Pick<MetaController, 'kinds' | 'status'>;
  /** Undefined while another process leads. */
  readonly leadership: () => LeadingParts | undefined;
  readonly election: () => { readonly leads: boolean; readonly transitions: number };
  readonly auditLog: Pick<AuditSink, 'counts'> | undefined;
}

export function metricsSources(parts: MeasuredParts): MetricsSources {
  const { client, leadership, election, auditLog } = parts;
  return {
    kinds: () => kindMetrics(parts),
    leads: () => election().leads,
    leaseTransitions: () => election().transitions,
    evaluationDepth: () => leadership()?.objects.evaluationDepth ?? 0,
    evaluationAgeMs: () => leadership()?.objects.evaluationAgeMs ?? 0,
    writeDepth: () => leadership()?.objects.writeDepth ?? 0,
    writeAgeMs: () => leadership()?.objects.writeAgeMs ?? 0,
    writesInFlight: () => leadership()?.objects.writesInFlight ?? 0,
    eventDepth: () => leadership()?.events.depth ?? 0,
    auditLines: () => auditLog?.counts ?? {},
    policyCount: () => parts.policies.size,
    policies: () => policyMetrics(parts),
    connections: () =>
      Object.entries(client.state()).map(([pool, { sessions, waiting, ended }]) => ({
        pool,
        connections: sessions.length,
        streams: sessions.reduce((sum, { streams }) => sum + streams, waiting),
        ended,
      })),
  };
}

function* kindMetrics({ meta }: MeasuredParts): Generator<KindMetrics> {
  for (const [kind, { context, ...totals }] of watchTotals(meta.kinds())) {
    yield { kind, state: meta.status.state(context).state, ...totals };
  }
}

function* policyMetrics({ policies, leadership }: MeasuredParts): Generator<PolicyMetrics> {
  const leading = leadership();
  if (leading === undefined) return;
  const { verdicts, status } = leading;
  for (const { name } of policies.entries()) {
    const { pending: _pending, awaited: _awaited, results: _results, ...objects } = verdicts.totals(name);
    const conditions = status.standing(name)?.conditions ?? [];
    yield {
      policy: name,
      objects,
      results: verdicts.counts(name),
      contended: conditions.some(({ type, status: is }) => type === 'Contended' && is === 'True'),
    };
  }
}
