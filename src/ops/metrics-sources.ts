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

/** The parts of the operator that metrics are read from. */
export interface MeasuredParts {
  readonly client: Pick<HttpKubeClient, 'state'>;
  readonly policies: Pick<PolicySet, 'entries'>;
  readonly meta: Pick<MetaController, 'kinds' | 'status'>;
  readonly objects: ObjectController;
  readonly verdicts: Pick<VerdictTable, 'totals' | 'counts'>;
  readonly status: Pick<StatusWriter, 'standing'>;
  readonly events: Pick<EventSender, 'depth'>;
  readonly auditLog: Pick<AuditSink, 'counts'> | undefined;
}

export function metricsSources(parts: MeasuredParts): MetricsSources {
  const { client, objects, events, auditLog } = parts;
  return {
    kinds: () => kindMetrics(parts),
    evaluationDepth: () => objects.evaluationDepth,
    evaluationAgeMs: () => objects.evaluationAgeMs,
    writeDepth: () => objects.writeDepth,
    writeAgeMs: () => objects.writeAgeMs,
    writesInFlight: () => objects.writesInFlight,
    eventDepth: () => events.depth,
    auditLines: () => auditLog?.counts ?? {},
    policies: () => policyMetrics(parts),
    connections: () =>
      Object.entries(client.state()).map(([pool, { sessions, waiting }]) => ({
        pool,
        connections: sessions.length,
        streams: sessions.reduce((sum, { streams }) => sum + streams, waiting),
      })),
  };
}

function* kindMetrics({ meta }: MeasuredParts): Generator<KindMetrics> {
  for (const [kind, { context, ...totals }] of watchTotals(meta.kinds())) {
    yield { kind, state: meta.status.state(context).state, ...totals };
  }
}

function* policyMetrics({ policies, verdicts, status }: MeasuredParts): Generator<PolicyMetrics> {
  for (const { name } of policies.entries()) {
    const { pending: _pending, results: _results, ...objects } = verdicts.totals(name);
    const conditions = status.standing(name)?.conditions ?? [];
    yield {
      policy: name,
      objects,
      results: verdicts.counts(name),
      contended: conditions.some(({ type, status: is }) => type === 'Contended' && is === 'True'),
    };
  }
}
