import { BOUNDS } from '../api/bounds.ts';
import type { Channel } from './program.ts';

/** Cut to what the status of a policy takes; lengths count as the API server counts them, in code points. */
export function truncate(message: string): string {
  const max = BOUNDS.statusMessage;
  if (message.length <= max) return message;
  // A code point is at most two units: this many hold at least one code point too many, if there is one.
  const points = Array.from(message.slice(0, 2 * (max + 1)));
  return points.length <= max ? message : `${points.slice(0, max - 1).join('')}…`;
}

/** `label 'team'`, `annotation 'acme.io/owner'` */
export function describeKey(channel: Channel, key: string): string {
  return `${channel === 'labels' ? 'label' : 'annotation'} '${key}'`;
}
