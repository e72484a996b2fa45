import { afterAll, afterEach, beforeAll } from 'vitest';
import { type ControlPlane, type ControlPlaneOptions, startControlPlane } from '../cluster/control-plane.ts';
import { operatorTails, stopOperators } from './operator-process.ts';
import { Stage } from './stage.ts';

export interface OwnStage {
  readonly stage: () => Stage;
  /** May be killed, paused, compacted and restored: nobody else is on it. */
  readonly cluster: () => ControlPlane;
}

/** As `useStage`, on a control plane of the file's own. */
export function useOwnStage(options: ControlPlaneOptions = {}): OwnStage {
  let own: { readonly stage: Stage; readonly cluster: ControlPlane } | undefined;
  beforeAll(async () => {
    const cluster = await startControlPlane(options);
    own = { cluster, stage: await Stage.install(cluster) };
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') process.stderr.write(`${operatorTails()}\n`);
    await stopOperators();
    await own?.stage.clear();
  });
  afterAll(async () => {
    own?.stage.admin.close();
    await own?.cluster.stop();
  });
  const present = () => {
    if (own === undefined) throw new Error('the control plane is started in beforeAll');
    return own;
  };
  return { stage: () => present().stage, cluster: () => present().cluster };
}
