import { step } from '../../src/informer/reflector-state.ts';
import type {
  ReflectorEffect,
  ReflectorInput,
  ReflectorState,
  StepContext,
} from '../../src/informer/reflector-types.ts';
import type { ApiErrorCode } from '../../src/kube/errors.ts';
import type { WatchEvent } from '../../src/kube/list-watch.ts';
import { apiError } from './scripted-list-watch.ts';

/** What a back-off takes here, in milliseconds. */
export const DELAY = 1_234;

/** A state machine at a point in time, and what it asked for last. */
export class ReflectorMachine {
  state: ReflectorState = { kind: 'Idle' };
  effects: readonly ReflectorEffect[] = [];
  now = 0;
  random = 0;
  watchList = false;

  send(input: ReflectorInput): this {
    const context: StepContext = {
      now: this.now,
      random: () => this.random,
      nextDelay: () => DELAY,
      watchList: () => this.watchList,
    };
    const next = step(this.state, input, context);
    this.state = next.state;
    this.effects = next.effects;
    return this;
  }

  /** A watch at `resourceVersion` that the server has answered. */
  watching(resourceVersion = '100'): this {
    this.send({ kind: 'Start' });
    this.send({ kind: 'PageListed', resourceVersion, continue: '' });
    return this.send({ kind: 'WatchOpened' });
  }

  event(event: WatchEvent): this {
    return this.send({ kind: 'WatchEvent', event });
  }

  fails(code: ApiErrorCode, retryAfterMs?: number): this {
    return this.send({
      kind: 'WatchFailed',
      error: apiError(code, retryAfterMs === undefined ? {} : { retryAfterMs }),
    });
  }

  get asked(): string[] {
    return this.effects.map((effect) => {
      if (effect.kind === 'Watch') return `Watch ${effect.resourceVersion}`;
      if (effect.kind === 'List') return `List ${effect.limit ?? 'all'} ${effect.continue}`.trim();
      if (effect.kind === 'Gather') return `Gather ${effect.event.object.name}`;
      if (effect.kind === 'SetTimer') return `SetTimer ${effect.ms}`;
      if (effect.kind === 'CountRestart') return `CountRestart ${effect.cause}`;
      return effect.kind;
    });
  }
}

export const bookmark = (resourceVersion: string, initialEventsEnd = false): WatchEvent => ({
  type: 'BOOKMARK',
  resourceVersion,
  initialEventsEnd,
});
