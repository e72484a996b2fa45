import type { CachedObject, StringMap } from '../api/object.ts';
import type { GroupResource, Scope } from '../api/resource.ts';
import type { Severity } from '../api/rule.ts';
import type { About } from './about.ts';
import type { Extent } from './extent.ts';
import type { KeyPatterns } from './key-patterns.ts';
import type { Reach } from './reach.ts';
import type { ResourceTerm } from './resource-terms.ts';
import type { Work } from './work.ts';

/** A group/resource that a policy names, or globs over several, and where in its spec, for messages. */
export interface Target extends ResourceTerm {
  /** The representation that rules which read more than metadata ask for; '*' for whatever the server prefers. */
  readonly version: string | undefined;
  /** `spec.match.resources[0]` */
  readonly path: string;
}

/** What evaluation needs to know of the object's kind. */
export interface KindContext extends GroupResource {
  readonly version: string;
  readonly kind: string;
  readonly scope: Scope;
}

/** The Namespace of a name, or undefined while this process has not seen it. */
export type NamespaceLookup = (name: string) => CachedObject | undefined;

/** One object as somebody sees it: JSONPath starts here. */
export interface ObjectView {
  readonly object: CachedObject;
  readonly kind: KindContext;
  /** In place of the object's own. */
  readonly labels: StringMap;
  readonly annotations: StringMap;
}

/** An object as one version of its kind shows it. */
export interface VersionedObject {
  readonly object: CachedObject;
  readonly kind: KindContext;
}

/**
 * The object in the version that a program reads. `Pending`: it is not known in that version as it is now. `NotServed`: the
 * version is not there.
 */
export type Sight = VersionedObject | 'Pending' | 'NotServed';

/**
 * One object as one policy sees it: the live object minus the keys that this policy's own rules write and that we own,
 * so that a policy which labels what lacks a label does not undo itself.
 */
export interface Subject extends ObjectView {
  /** The object's Namespace; `NotNamespaced` for other cluster-scoped objects, `Unknown` while it was not seen yet. */
  readonly namespace: NamespaceView | 'NotNamespaced' | 'Unknown';
  /** What the policy may still do with the object. */
  readonly work: Work;
}

export interface NamespaceView {
  readonly name: string;
  readonly labels: StringMap;
  readonly annotations: StringMap;
}

/** `Unknown`: something that the answer depends on has not been seen yet. It is never taken for a "no". */
export type Answer = 'Yes' | 'No' | 'Unknown';

export type Predicate = (subject: Subject) => Answer;

export const CHANNELS = ['labels', 'annotations'] as const;

export type Channel = (typeof CHANNELS)[number];

export type SourceResult =
  | { readonly kind: 'Value'; readonly value: string }
  /** The source is there and holds nothing. */
  | { readonly kind: 'Empty' }
  /** The rule has nothing to say about the key here. */
  | { readonly kind: 'Unwanted' }
  | { readonly kind: 'Unknown' }
  | { readonly kind: 'Error'; readonly code: ResultCode; readonly message: string };

export type ValueSource = (subject: Subject) => SourceResult;

/** Always: displaces what is there. IfAbsent: never displaces a value of somebody else. */
export type Overwrite = 'Always' | 'IfAbsent';

/** What a rule that writes has to say about one object. */
export interface Wishes {
  write(channel: Channel, key: string, value: string, overwrite: Overwrite): void;
  /** Both keys or none: the value is never lost on the way. */
  move(move: Move): void;
  /** No key that `fits` is to be there: all of `keys`, or those that may be written. */
  remove(channel: Channel, keys: KeyPatterns, fits: (key: string) => boolean): void;
  /** The rule cannot say what it wants of the key, which stays as it is. `why`: a clause, in words without values. */
  fail(channel: Channel, key: string, code: ResultCode, why: string): void;
}

/** A key that gets another name. */
export interface Move {
  readonly channel: Channel;
  readonly from: string;
  readonly to: string;
  /** What stands at `from`. */
  readonly value: string;
}

/** One thing that a rule writes or removes. */
export interface RuleWrite {
  /** Keys that can become ours by it. */
  readonly writes: KeyPatterns;
  /** Keys that it writes or removes: held where it cannot say what it wants. */
  readonly decides: KeyPatterns;
  /**
   * Tells what it wants of an object. `Unknown`: something that it depends on was not seen yet; nothing was told. Throws
   * TooMuchWork, before it has told anything.
   */
  readonly wish: (subject: Subject, wishes: Wishes) => 'Told' | 'Unknown';
}

/** One object as rules that judge see it: the live object plus what this pass writes. */
export interface JudgedView extends ObjectView {
  /** The pod that the object is or makes, in the shape of a Pod; undefined where it has none. */
  readonly pod: ObjectView | undefined;
}

/** One thing that is wrong with an object, or the reason why it cannot be judged. */
export interface Fault {
  readonly result: 'Violation' | 'Error';
  readonly code: ResultCode;
  readonly message: string;
}

/** What is wrong with an object, nothing when it is right. Throws nothing but TooMuchWork. */
export type Judgement = (view: JudgedView, work: Work) => readonly Fault[];

/** A judgement on whatever looks like an object: the object itself, or a pod that it makes. */
export type Demand = (view: ObjectView, work: Work) => readonly Fault[];

export interface Rule {
  readonly name: string;
  readonly severity: Severity;
  /** Replaces the built-in message of a violation. */
  readonly message: string | undefined;
  readonly writes: readonly RuleWrite[];
  readonly judgements: readonly Judgement[];
}

/** What a program reads, so that no more than that is watched. */
export interface Reads {
  /** Top-level fields besides metadata, sorted: `spec`, `data`, ... */
  readonly fields: readonly string[];
  readonly namespaceLabels: boolean;
  readonly namespaceAnnotations: boolean;
}

/** A WatchPolicy, compiled once. Immutable and pure: no I/O, no clock. */
export interface Program {
  readonly policy: string;
  readonly uid: string;
  readonly generation: number;
  readonly mode: 'Audit' | 'Enforce' | 'Suspended';
  readonly priority: number;
  readonly removal: 'Remove' | 'Retain';
  /** Evaluated so often beside all changes, in milliseconds; undefined: on changes only. */
  readonly reevaluateMs: number | undefined;
  readonly targets: readonly Target[];
  readonly about: About;
  readonly reach: Reach;
  readonly extent: Extent;
  readonly reads: Reads;
  /** The keys that can become ours by its rules. */
  readonly writes: KeyPatterns;
  readonly matches: Predicate;
  readonly rules: readonly Rule[];
}

/** Why a result is what it is; stable, documented in docs/troubleshooting.md. */
export type ResultCode =
  | 'WouldChange'
  | 'WouldRemove'
  | 'WouldRename'
  | 'RequiredKeyMissing'
  | 'RequiredValueWrong'
  | 'ForbiddenKey'
  | 'CheckFailed'
  | 'NotComparable'
  | 'SchemaViolated'
  | 'NotRepresentable'
  | 'SourceTooLarge'
  | 'InvalidValue'
  | 'ProtectedKey'
  | 'RenameBlocked'
  | 'Yielded'
  | 'Contended'
  | 'SelfOscillation'
  | 'RefusedByServer'
  | 'NoAnswer'
  | 'SchemaDrift'
  | 'InternalError';

/** One line that a rule has to say about one object. */
export interface Result {
  readonly rule: string;
  readonly result: 'Violation' | 'Error' | 'Yielded';
  readonly code: ResultCode;
  readonly severity: Severity;
  readonly message: string;
}
