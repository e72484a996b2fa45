import { inject } from 'vitest';
import { type ProductArguments, ProductProcess } from './product-process.ts';

export type { LogLine } from './product-process.ts';

export type OperatorArguments = Omit<ProductArguments, 'bundle'>;

/** The bundle that this test run has built. None of them outlives its test, where `stopOperators` is called after each. */
export class OperatorProcess extends ProductProcess {
  constructor(options: OperatorArguments) {
    super({ bundle: inject('productBundle'), ...options });
    running.add(this);
    void this.exited.then(() => running.delete(this));
  }

  /** Resolves when it is ready: policies and CRDs are known. */
  static async start(options: OperatorArguments): Promise<OperatorProcess> {
    const operator = OperatorProcess.launch(options);
    await operator.ready();
    return operator;
  }

  /** Does not wait. */
  static launch(options: OperatorArguments): OperatorProcess {
    return new OperatorProcess(options);
  }
}

const running = new Set<OperatorProcess>();

/** For `afterEach`: no operator outlives its test. */
export async function stopOperators(): Promise<void> {
  await Promise.all([...running].map((operator) => operator.kill()));
}

/** The last log lines of every operator that runs, for a test that failed. */
export function operatorTails(): string {
  return [...running].map((operator) => `operator ${operator.pid}:\n${operator.tail()}`).join('\n');
}
