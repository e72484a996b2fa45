import type { KeySet } from '../../src/api/object.ts';
import { compilePolicy } from '../../src/policy/compile.ts';
import type { Program } from '../../src/policy/program.ts';
import type { PolicyRecord } from '../../src/watchplan/ledger-room.ts';
import type { PolicySpec } from '../support/stage.ts';

/** One version of a policy as it stands on the server. */
export interface PolicyVersion {
  readonly name: string;
  readonly uid: string;
  readonly generation: number;
  readonly spec: PolicySpec;
}

/**
 * What should be in force of one policy, and what is held for it, from its history alone: the last spec that was accepted, in
 * this process of the operator, and the keys of the last one that was enforced.
 */
export class PolicyModel {
  #version: PolicyVersion;
  #program: Program | undefined;
  #record: PolicyRecord | undefined;

  constructor(version: PolicyVersion) {
    this.#version = version;
    this.#take(version);
  }

  get version(): PolicyVersion {
    return this.#version;
  }

  get program(): Program | undefined {
    return this.#program;
  }

  get accepted(): boolean {
    return this.#program?.generation === this.#version.generation;
  }

  /** Keys that stay as they are although the policy does not enforce them now. */
  get held(): PolicyRecord | undefined {
    return this.#program?.mode === 'Enforce' ? undefined : this.#record;
  }

  edited(version: PolicyVersion): void {
    this.#version = version;
    this.#take(version);
  }

  /** A new process of the operator knows only what stands on the server. */
  restarted(): void {
    this.#program = undefined;
    this.#take(this.#version);
  }

  #take(version: PolicyVersion): void {
    const compiled = compilePolicy(version);
    if (!compiled.ok) return;
    const { program } = compiled;
    this.#program = program;
    if (program.mode !== 'Enforce') return;
    const { uid, writes: keys, reach } = program;
    this.#record = isEmpty(keys) ? undefined : { uid, keys, reach };
  }
}

function isEmpty({ labels, annotations }: KeySet): boolean {
  return labels.length + annotations.length === 0;
}
