import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Option } from 'commander';
import type { ElectionTimes } from '../ops/election.ts';
import { argument, integer, option, parseBoolean } from './options.ts';

/** Times in seconds. */
export interface ElectionFlags {
  readonly leaderElect: boolean;
  readonly identity: string | undefined;
  readonly leaseDuration: number;
  readonly renewDeadline: number;
  readonly retryPeriod: number;
}

/** At most, of the retry period: what chance adds to it. */
const JITTER = 1.2;

export function electionOptions(): readonly Option[] {
  return [
    option('--leader-elect <bool>', 'Write only while the Lease is held, so that several replicas can run')
      .default(true)
      .argParser(argument(parseBoolean)),
    option(
      '--identity <name>',
      'What this replica calls itself in the Lease; two that run must not share it. Default: the name of the machine, which is that of the pod, outside a cluster with some random characters',
    ).argParser(argument(parseIdentity)),
    option('--lease-duration <seconds>', 'A Lease that is not renewed for so long is taken over')
      .default(15)
      .argParser(integer(1, 3_600)),
    option('--renew-deadline <seconds>', 'Whoever could not renew the Lease for so long writes nothing any more')
      .default(10)
      .argParser(integer(1, 3_600)),
    option('--retry-period <seconds>', 'The Lease is renewed this often').default(2).argParser(integer(1, 3_600)),
  ];
}

/** Undefined where there is no election. Throws with what is wrong. */
export function electionOf({ leaderElect, ...flags }: ElectionFlags): ElectionTimes | undefined {
  if (!leaderElect) return undefined;
  const { leaseDuration, renewDeadline, retryPeriod } = flags;
  if (leaseDuration <= renewDeadline) {
    throw new Error(
      `--renew-deadline (${renewDeadline} s) must be less than --lease-duration (${leaseDuration} s), or two could lead at once`,
    );
  }
  if (renewDeadline <= retryPeriod * JITTER) {
    throw new Error(
      `--retry-period (${retryPeriod} s) must be less than --renew-deadline (${renewDeadline} s) by a fifth at least, or the Lease would be lost`,
    );
  }
  return { durationMs: leaseDuration * 1_000, renewDeadlineMs: renewDeadline * 1_000, retryMs: retryPeriod * 1_000 };
}

/** In a cluster a container that is started again is the same one: its predecessor has ended. */
export function identityOf(given: string | undefined, isInCluster: boolean): string {
  if (given !== undefined) return given;
  const name = hostname().replaceAll(/[^A-Za-z0-9._-]/g, '-');
  return isInCluster ? name : `${name}_${randomBytes(4).toString('hex')}`;
}

/** It is sent in a header, and compared by everybody. */
function parseIdentity(text: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(text)) {
    throw new Error(`'${text}' must be 1 to 128 letters, digits, '.', '_' or '-', beginning with a letter or digit`);
  }
  return text;
}
