import type { Clock } from '../base/clock.ts';
import type { Program } from '../policy/program.ts';

export interface ReevaluationOptions {
  readonly clock: Clock;
  /** It is time to evaluate the objects of the policy again. */
  readonly due: (program: Program) => void;
}

interface Timer {
  program: Program;
  readonly cancel: () => void;
}

/** When policies with `reevaluateSeconds` are evaluated, beside all changes. */
export class Reevaluation {
  readonly #options: ReevaluationOptions;
  /** By name of the policy. */
  readonly #timers = new Map<string, Timer>();

  constructor(options: ReevaluationOptions) {
    this.#options = options;
  }

  /** These are in force. A timer goes on while its interval stays the same. */
  set(programs: readonly Program[]): void {
    const timed = new Map(programs.filter(isTimed).map((program) => [program.policy, program]));
    for (const [policy, timer] of this.#timers) {
      const program = timed.get(policy);
      if (program?.reevaluateMs === timer.program.reevaluateMs) continue;
      timer.cancel();
      this.#timers.delete(policy);
    }
    for (const [policy, program] of timed) {
      const timer = this.#timers.get(policy);
      if (timer === undefined) this.#start(policy, program);
      else timer.program = program;
    }
  }

  /** Leaves no timer. */
  stop(): void {
    for (const { cancel } of this.#timers.values()) cancel();
    this.#timers.clear();
  }

  #start(policy: string, program: Program): void {
    const cancel = this.#options.clock.after(program.reevaluateMs ?? 0, () => {
      const present = this.#timers.get(policy)?.program ?? program;
      this.#start(policy, present);
      this.#options.due(present);
    });
    this.#timers.set(policy, { program, cancel });
  }
}

function isTimed({ mode, reevaluateMs }: Program): boolean {
  return mode !== 'Suspended' && reevaluateMs !== undefined;
}
