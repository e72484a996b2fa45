import type { Clock } from '../base/clock.ts';
import type { Pool } from './client.ts';
import type { Credentials } from './credentials.ts';
import { defaultSessionLimits, type SessionLimits } from './session.ts';
import { type PoolState, SessionPool } from './session-pool.ts';

/** All connections to one API server: a connection full of watches must not hold up a write, nor the other way round. */
export class Connections {
  readonly request: SessionPool;
  readonly write: SessionPool;
  readonly watch: SessionPool;
  readonly lease: SessionPool;

  /** `leaseLimits`: where those for the Lease are others. `mayWrite`: whether anything may go out on connections for writes. */
  constructor(
    credentials: Credentials,
    limits: Partial<SessionLimits>,
    leaseLimits: Partial<SessionLimits>,
    mayWrite: () => boolean,
    clock: Clock,
  ) {
    const whole = { ...defaultSessionLimits, ...limits };
    this.request = new SessionPool(credentials, whole, clock);
    this.write = new SessionPool(credentials, whole, clock, mayWrite);
    this.watch = new SessionPool(credentials, whole, clock);
    this.lease = new SessionPool(credentials, { ...whole, ...leaseLimits }, clock);
  }

  state(): Readonly<Record<Pool, PoolState>> {
    return {
      request: this.request.state(),
      write: this.write.state(),
      watch: this.watch.state(),
      lease: this.lease.state(),
    };
  }

  async close(): Promise<void> {
    await Promise.all([this.request.close(), this.write.close(), this.watch.close(), this.lease.close()]);
  }
}
