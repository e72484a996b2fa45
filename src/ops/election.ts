import type { Lease, LeaseSpec } from '../kube/leases.ts';

/** All in milliseconds. */
export interface ElectionTimes {
  /** Others take the Lease over when they have not seen it renewed for so long. */
  readonly durationMs: number;
  /** Who holds it stops leading when the last renewal that went through was begun so long ago. Less than `durationMs`. */
  readonly renewDeadlineMs: number;
  /** It is renewed this often. Less than `renewDeadlineMs`. */
  readonly retryMs: number;
}

export interface ElectionOptions extends ElectionTimes {
  /** What nobody else calls itself. */
  readonly identity: string;
}

export interface Moment {
  /** Local milliseconds: all that is ever compared. */
  readonly monotonic: number;
  /** What the wall clock says, for people; and the mark by which we know again what we wrote. */
  readonly stamp: string;
  /** From 0 to 1, by chance: who stands by does not ask all at the same time. */
  readonly jitter: number;
}

/** What happened. A request is answered by exactly one of the last four. */
export type ElectionEvent =
  | { readonly kind: 'Due' }
  | { readonly kind: 'Stop' }
  | { readonly kind: 'Read'; readonly lease: Lease | undefined }
  /** `begun`: before it was sent, on the monotonic clock. */
  | { readonly kind: 'Written'; readonly lease: Lease; readonly begun: number }
  /** Somebody else was faster. */
  | { readonly kind: 'Lost' }
  /** Nobody knows what came of it. */
  | { readonly kind: 'Failed' };

export type ElectionRequest =
  | { readonly kind: 'Read' }
  | { readonly kind: 'Create'; readonly spec: LeaseSpec }
  | { readonly kind: 'Change'; readonly spec: LeaseSpec; readonly resourceVersion: string };

export type LossReason = 'NotRenewed' | 'TakenOver';

/** What is to be done, in this order. */
export type ElectionEffect =
  | { readonly kind: 'Lead' }
  | { readonly kind: 'StepDown'; readonly reason: LossReason }
  | { readonly kind: 'Send'; readonly request: ElectionRequest }
  /** Another 'Due', so many milliseconds from now; in place of one that was asked for earlier. */
  | { readonly kind: 'Wake'; readonly inMs: number };

export type Role =
  | { readonly kind: 'Standby' }
  /** `renewedAt`: when the last renewal that went through was begun. */
  | { readonly kind: 'Leading'; readonly renewedAt: number }
  /** Leads no more, and gives the Lease back where it is ours. */
  | { readonly kind: 'Leaving'; readonly asked: boolean }
  | { readonly kind: 'Left' };

export interface Election {
  readonly role: Role;
  /** The Lease as last read or written, and since when it is known to be so. Undefined: there was none so far. */
  readonly seen: { readonly lease: Lease; readonly since: number } | undefined;
  /** The renewTimes of what we wrote, or may have written: by them we know what is ours. */
  readonly marks: readonly string[];
  /**
   * The renewTime of the Lease that was read first, '' where there was none. Under our name, a process left it that is
   * no more.
   */
  readonly first: string | undefined;
  readonly isBusy: boolean;
  /** When to try next, on the monotonic clock. */
  readonly tryAt: number;
}

const STANDBY: Role = { kind: 'Standby' };

export const NEW_ELECTION: Election = {
  role: STANDBY,
  seen: undefined,
  marks: [],
  first: undefined,
  isBusy: false,
  tryAt: Number.NEGATIVE_INFINITY,
};

/** Nobody may hold the Lease for longer without renewing it, whatever it says. */
const MAX_DURATION_MS = 3_600_000;
const JITTER = 0.2;
/** So often does who stands by ask while a leader renews once: thus it hears soon of a Lease that was given back. */
const LOOKS = 4;
const MOST_MARKS = 16;

/** Whether it may write at this moment, whatever has been noticed so far: timers may be late, and the process may have slept. */
export function leads(
  { role }: Pick<Election, 'role'>,
  { renewDeadlineMs }: ElectionTimes,
  monotonic: number,
): boolean {
  return role.kind === 'Leading' && monotonic < role.renewedAt + renewDeadlineMs;
}

export interface ElectionStep {
  readonly election: Election;
  readonly effects: readonly ElectionEffect[];
}

/** One step: what is known after it, and what to do. Pure. */
export function step(before: Election, event: ElectionEvent, now: Moment, options: ElectionOptions): ElectionStep {
  // Without a renewal in time nobody leads, whatever else is under way.
  const isOverdue = before.role.kind === 'Leading' && !leads(before, options, now.monotonic);
  const known = heard(isOverdue ? { ...before, role: STANDBY } : before, event, now, options);
  const role = roleAfter(known, event, now, options);
  const { election, request } = asking({ ...known, role }, event, now, options);
  const wakeAt = wakeTime(election, options);

  const effects: ElectionEffect[] = [];
  if (isOverdue) effects.push({ kind: 'StepDown', reason: 'NotRenewed' });
  if (role.kind === 'Leading' && known.role.kind !== 'Leading') effects.push({ kind: 'Lead' });
  if (role.kind === 'Standby' && known.role.kind === 'Leading') effects.push({ kind: 'StepDown', reason: 'TakenOver' });
  if (request !== undefined) effects.push({ kind: 'Send', request });
  if (wakeAt !== undefined) effects.push({ kind: 'Wake', inMs: Math.max(0, wakeAt - now.monotonic) });
  return { election, effects };
}

/** Who has written the Lease leads; who reads that somebody else did leads no more. */
function roleAfter(election: Election, event: ElectionEvent, { monotonic }: Moment, options: ElectionOptions): Role {
  const { role } = election;
  if (event.kind === 'Written' && event.lease.holder !== '' && role.kind !== 'Leaving') {
    // An answer that was long on its way may be worth nothing any more.
    const renewed: Role = { kind: 'Leading', renewedAt: event.begun };
    return leads({ role: renewed }, options, monotonic) ? renewed : role;
  }
  if (event.kind === 'Read' && event.lease !== undefined && role.kind === 'Leading') {
    return isOurs(election, event.lease, options) ? role : STANDBY;
  }
  return role;
}

/** The request to make now, and what is so once it is under way; or that it leaves. */
function asking(
  election: Election,
  event: ElectionEvent,
  now: Moment,
  options: ElectionOptions,
): { readonly election: Election; readonly request?: ElectionRequest } {
  const request = wanted(election, event, now, options);
  if (request === undefined) return { election };
  if (request === 'Nothing') return { election: { ...election, role: { kind: 'Left' } } };
  const isLast = election.role.kind === 'Leaving' && request.kind === 'Change';
  const role: Role = isLast ? { kind: 'Leaving', asked: true } : election.role;
  const marks = request.kind === 'Read' ? election.marks : [...election.marks, now.stamp].slice(-MOST_MARKS);
  return { election: { ...election, role, isBusy: true, marks }, request };
}

function heard(election: Election, event: ElectionEvent, now: Moment, options: ElectionOptions): Election {
  const pause = options.retryMs * (1 + now.jitter * JITTER);
  const tryAt = now.monotonic + (election.role.kind === 'Leading' ? pause : pause / LOOKS);
  switch (event.kind) {
    case 'Due':
      return election;
    case 'Stop':
      return { ...election, role: { kind: 'Leaving', asked: false } };
    case 'Failed':
    case 'Lost':
      return { ...election, isBusy: false, tryAt };
    case 'Written':
      return {
        ...election,
        seen: { lease: event.lease, since: event.begun },
        marks: [event.lease.renewTime],
        first: election.first ?? '',
        isBusy: false,
        tryAt: event.begun + pause,
      };
    case 'Read':
      break;
  }
  const after = { ...afterRead(election, event.lease, now), isBusy: false };
  // Not a pause later than it may be taken, if that is sooner.
  const freeAt = freeTime(after, options);
  return { ...after, tryAt: freeAt > now.monotonic ? Math.min(tryAt, freeAt) : tryAt };
}

function afterRead(election: Election, lease: Lease | undefined, now: Moment): Election {
  const after = { ...election, first: election.first ?? lease?.renewTime ?? '' };
  // One that was deleted counts as held for as long as its holder may rely on it.
  if (lease === undefined) return after;
  const { seen } = election;
  const isSame = seen?.lease.holder === lease.holder && seen.lease.renewTime === lease.renewTime;
  return { ...after, seen: { lease, since: isSame ? seen.since : now.monotonic } };
}

/** The request to make now. `Nothing`: it can leave. */
function wanted(
  election: Election,
  event: ElectionEvent,
  { monotonic, stamp }: Moment,
  options: ElectionOptions,
): ElectionRequest | 'Nothing' | undefined {
  const { role, seen, isBusy, tryAt } = election;
  if (isBusy || role.kind === 'Left') return undefined;
  const isMissing = seen === undefined || (event.kind === 'Read' && event.lease === undefined);
  if (role.kind === 'Leaving') return release(election, role, event, isMissing, stamp, options);
  if (role.kind === 'Leading' && event.kind === 'Lost') return { kind: 'Read' };
  const isDue = monotonic >= tryAt;
  if (role.kind === 'Standby' && event.kind !== 'Read') return isDue ? { kind: 'Read' } : undefined;
  const mayWrite = role.kind === 'Standby' ? monotonic >= freeTime(election, options) : isDue || event.kind === 'Read';
  if (!mayWrite) return undefined;
  const spec = heldSpec(seen?.lease, stamp, options);
  return isMissing ? { kind: 'Create', spec } : changeOf(seen.lease, spec);
}

function release(
  { seen, marks }: Election,
  { asked }: { readonly asked: boolean },
  event: ElectionEvent,
  isMissing: boolean,
  stamp: string,
  options: ElectionOptions,
): ElectionRequest | 'Nothing' {
  if (event.kind === 'Lost') return { kind: 'Read' };
  const isOver = asked && (event.kind === 'Failed' || event.kind === 'Written');
  if (isOver || isMissing || seen === undefined || !isOurs({ marks }, seen.lease, options)) return 'Nothing';
  return changeOf(seen.lease, { ...seen.lease, holder: '', durationSeconds: 1, acquireTime: stamp, renewTime: stamp });
}

function changeOf({ resourceVersion }: Lease, spec: LeaseSpec): ElectionRequest {
  return { kind: 'Change', spec, resourceVersion };
}

/** From when on nobody else may rely on the Lease, on the monotonic clock. */
function freeTime(election: Election, options: ElectionOptions): number {
  const { seen, first } = election;
  if (seen === undefined || seen.lease.holder === '') return Number.NEGATIVE_INFINITY;
  const { lease, since } = seen;
  if (isOurs(election, lease, options)) return Number.NEGATIVE_INFINITY;
  if (lease.holder === options.identity && lease.renewTime === first) return Number.NEGATIVE_INFINITY;
  const said = lease.durationSeconds * 1_000;
  return since + Math.min(said > 0 ? said : options.durationMs, MAX_DURATION_MS);
}

/** Whether this very process wrote it: another one may have our name. */
function isOurs({ marks }: Pick<Election, 'marks'>, lease: Lease, { identity }: ElectionOptions): boolean {
  return lease.holder === identity && marks.includes(lease.renewTime);
}

/** The fields as client-go has them. */
function heldSpec(before: Lease | undefined, stamp: string, { identity, durationMs }: ElectionOptions): LeaseSpec {
  const stays = before?.holder === identity;
  return {
    holder: identity,
    durationSeconds: Math.ceil(durationMs / 1_000),
    acquireTime: stays ? before.acquireTime : stamp,
    renewTime: stamp,
    transitions: (before?.transitions ?? 0) + (before === undefined || stays ? 0 : 1),
  };
}

function wakeTime({ role, isBusy, tryAt }: Election, { renewDeadlineMs }: ElectionOptions): number | undefined {
  const deadline = role.kind === 'Leading' ? role.renewedAt + renewDeadlineMs : Number.POSITIVE_INFINITY;
  const next = isBusy ? deadline : Math.min(tryAt, deadline);
  return role.kind === 'Left' || !Number.isFinite(next) ? undefined : next;
}
