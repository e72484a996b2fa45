import type { Bench } from '../bench.ts';
import { onStage } from '../stage.ts';
import { besideOthers } from './beside-others.ts';
import { creations } from './creations.ts';
import { labelling } from './labelling.ts';
import { lateKind } from './late-kind.ts';
import { reactions } from './reactions.ts';
import { restart } from './restart.ts';
import { start } from './start.ts';
import { violations } from './violations.ts';

/** P4 to P6, P11 and P13 to P16: the whole operator on one control plane, which is empty at first and fullest at the end. */
export async function labels(bench: Bench): Promise<void> {
  await onStage(bench, async (stage) => {
    if (bench.wants('P11')) await start(stage);
    if (bench.wants('P15')) await reactions(stage);
    if (bench.wants('P5')) await creations(stage);
    if (bench.wants('P16')) await violations(stage);
    if (bench.wants('P6')) await lateKind(stage);
    if (bench.wants('P4')) await labelling(stage);
    if (bench.wants('P14')) await besideOthers(stage);
    if (bench.wants('P13')) await restart(stage);
  });
}
