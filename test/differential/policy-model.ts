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
 * What should be in force of one policy, and what is held for it, from its history: the last spec that was accepted, in this
 * process of the operator, and the keys of the last one that was enforced. Only how much of what was enforced before that had
 * been taken from all objects by then is a matter of time, which the ledger tells.
 */
export class PolicyModel {
  #version: PolicyVersion;
  #program: Program | undefined;
  #record: PolicyRecord | undefined;
  readonly #everEnforced: PolicyRecord[] = [];

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

  /** Keys that stay as they are although the policy does not enforce them now. `recorded`: what the ledger says of it. */
  held(recorded: PolicyRecord | undefined): PolicyRecord | undefined {
    if (this.#program?.mode === 'Enforce') return undefined;
    return recorded !== undefined && this.#mayHold(recorded) ? recorded : this.#record;
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
    const { uid, writes: keys, reach, removal } = program;
    const record = { uid, keys, reach, removal };
    this.#record = isEmpty(keys) ? undefined : record;
    this.#everEnforced.push(record);
  }

  /** All that it was enforced with last, and nothing that it never was enforced with. */
  #mayHold(record: PolicyRecord): boolean {
    const ever = this.#everEnforced.map(partsOf);
    return partsOf(record).every((texts, part) => {
      const known = new Set(ever.flatMap((parts) => parts[part] ?? []));
      const last = this.#record === undefined ? [] : (partsOf(this.#record)[part] ?? []);
      return last.every((text) => texts.includes(text)) && texts.every((text) => known.has(text));
    });
  }
}

/** All policies of a history name namespaces, and none names objects. */
function partsOf({ keys, reach }: PolicyRecord): readonly (readonly string[])[] {
  return [keys.labels, keys.annotations, reach.resources, reach.namespaces ?? []];
}

function isEmpty({ labels, annotations }: KeySet): boolean {
  return labels.length + annotations.length === 0;
}
