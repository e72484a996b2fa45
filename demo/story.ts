import { AuditTrail } from './audit-trail.ts';
import type { Scene } from './scene.ts';
import type { Stage } from './stage.ts';
import { audit } from './steps/audit.ts';
import { drift } from './steps/drift.ts';
import { enforce } from './steps/enforce.ts';
import { lateKind } from './steps/late-kind.ts';
import { violation } from './steps/violation.ts';
import type { Terminal } from './terminal.ts';

const STEPS: readonly (readonly [string, (scene: Scene) => Promise<void>])[] = [
  ['Audit: what would change', audit],
  ['Enforce: before and after', enforce],
  ['Drift: a label changed by hand is back', drift],
  ['A kind that arrives late', lateKind],
  ['A violation fixed', violation],
];

/** Five steps, each on what the one before has left. */
export async function tell({ installation, operator }: Stage, terminal: Terminal): Promise<void> {
  const trail = new AuditTrail(installation);
  const mark = await trail.mark();
  for (const [index, [title, step]] of STEPS.entries()) {
    terminal.heading(`${index + 1}  ${title}`);
    await step({ terminal, installation, operator, trail });
  }
  terminal.heading('In all');
  const writes = await trail.ofObjects(mark);
  const memory = await operator.metric('process_resident_memory_bytes');
  const figures = {
    'writes to objects': writes.length,
    'of these refused': writes.filter(({ code }) => code >= 300).length,
    'writes to status': (await trail.ofStatus(mark)).length,
    'warnings logged': operator.lines.filter(({ level }) => level >= WARNING).length,
    "operator's memory": `${Math.round(memory / 1024 / 1024)} MiB`,
  };
  terminal.list(Object.entries(figures).map(([what, figure]) => [what, String(figure)]));
}

/** As pino numbers it. */
const WARNING = 40;
