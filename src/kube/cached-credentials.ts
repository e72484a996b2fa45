import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { credentialError } from './credential-error.ts';
import type { Credentials, TlsMaterial } from './credentials.ts';
import { ApiError } from './errors.ts';
import { endOf, type Life, renewalOf } from './expiry.ts';
import { singleFlight } from './single-flight.ts';

/** All that a source knows at one moment. */
export interface CredentialMaterial {
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: TlsMaterial;
  /** As whoever gave them says, beside what stands in a token or a certificate. */
  readonly life?: Life | undefined;
}

/** Where credentials come from. */
export interface CredentialSource {
  readonly server: URL;
  readonly namespace: string | undefined;
  /** `forced`: the server has refused what the last read gave, or it ends soon, so nothing remembered is good enough. */
  read(forced: boolean): Promise<CredentialMaterial>;
}

/** Tokens in files are rotated well before they end; client-go looks as often. */
const MAX_AGE_MS = 60_000;
/** After a read that failed or takes long, the old material serves this long before the next try. */
const RETRY_MS = 10_000;
/** A server that refuses us whatever we show must not make us start a plugin for every request. */
const MIN_REFRESH_INTERVAL_MS = 5_000;
/** Plugins may ask a person to log in, but must not hold requests up for ever. */
const READ_TIMEOUT_MS = 60_000;
/** Longer than a file takes. Whoever could go on with what is held does not wait longer for what is newer. */
const MOMENT_MS = 1_000;

export class CachedCredentials implements Credentials {
  readonly server: URL;
  readonly namespace: string | undefined;
  readonly #source: CredentialSource;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #read = singleFlight(() => this.#load(false));
  readonly #readForced = singleFlight(() => this.#load(true));
  /** The same where something is held, which stays in use where that fails: these never do. */
  readonly #renew = singleFlight(() => this.#replace(this.#read()));
  readonly #renewForced = singleFlight(() => this.#replace(this.#readForced()));
  #material: CredentialMaterial | undefined;
  #headers: Promise<Readonly<Record<string, string>>> | undefined;
  #tlsGeneration = 0;
  /** Reads begun, and the newest of them that has ended: an older one that ends later is too late. */
  #begun = 0;
  #ended = 0;
  /** Monotonic milliseconds. */
  #staleAt = Number.NEGATIVE_INFINITY;
  #lastRefresh = Number.NEGATIVE_INFINITY;
  /** From then on nothing remembered is good enough; milliseconds since the Unix epoch. */
  #renewAt = Number.POSITIVE_INFINITY;
  /** And then what is held is of no use any more; on the same clock. */
  #endsAt = Number.POSITIVE_INFINITY;

  constructor(source: CredentialSource, clock: Clock, log: Log) {
    this.#source = source;
    this.#clock = clock;
    this.#log = log;
    this.server = source.server;
    this.namespace = source.namespace;
  }

  get tlsGeneration(): number {
    return this.#tlsGeneration;
  }

  async tls(): Promise<TlsMaterial> {
    return (await this.#current()).tls;
  }

  headers(): Promise<Readonly<Record<string, string>>> {
    // Every request comes by: the resolved promise is shared while it holds.
    if (this.#headers !== undefined && this.#clock.monotonic() < this.#staleAt) return this.#headers;
    return this.#current().then(({ headers }) => headers);
  }

  async refresh(): Promise<void> {
    if (this.#clock.monotonic() - this.#lastRefresh < MIN_REFRESH_INTERVAL_MS) return;
    await this.#readForced();
  }

  async #current(): Promise<CredentialMaterial> {
    const held = this.#material;
    if (held === undefined) return this.#read();
    if (this.#clock.monotonic() < this.#staleAt) return held;
    const now = this.#clock.now();
    const renewed = now >= this.#renewAt ? this.#renewForced() : this.#renew();
    if (now >= this.#endsAt) await renewed;
    else if ((await atMost(this.#clock, MOMENT_MS, renewed)) === undefined) this.#goOn();
    return this.#material ?? held;
  }

  async #replace(read: Promise<CredentialMaterial>): Promise<'done'> {
    try {
      await read;
    } catch (error) {
      this.#goOn();
      this.#log.warn({ err: messageOf(error) }, 'credentials could not be read again; the earlier ones stay in use');
    }
    return 'done';
  }

  /** With what is held, for a while, but not beyond its end. */
  #goOn(): void {
    const leftMs = this.#endsAt - this.#clock.now();
    this.#staleAt = this.#clock.monotonic() + (leftMs > 0 ? Math.min(leftMs, RETRY_MS) : RETRY_MS);
  }

  async #load(forced: boolean): Promise<CredentialMaterial> {
    this.#begun += 1;
    const turn = this.#begun;
    let material: CredentialMaterial | undefined;
    try {
      material = await atMost(this.#clock, READ_TIMEOUT_MS, this.#source.read(forced));
      if (material === undefined) throw new Error(`no answer within ${READ_TIMEOUT_MS / 1_000} s`);
    } catch (error) {
      throw error instanceof ApiError
        ? error
        : credentialError(`the credentials for ${this.server.origin} cannot be had: ${messageOf(error)}`, error);
    } finally {
      if (forced) this.#lastRefresh = this.#clock.monotonic();
    }
    if (turn < this.#ended && this.#material !== undefined) return this.#material;
    this.#ended = turn;
    if (this.#material !== undefined && !sameTls(this.#material.tls, material.tls)) this.#tlsGeneration += 1;
    this.#material = material;
    this.#headers = Promise.resolve(material.headers);
    this.#renewAt = renewalOf(material) ?? Number.POSITIVE_INFINITY;
    this.#endsAt = endOf(material) ?? Number.POSITIVE_INFINITY;
    // A source that has nothing newer yet is asked again as often as any.
    const dueInMs = this.#renewAt - this.#clock.now();
    this.#staleAt = this.#clock.monotonic() + (dueInMs > 0 ? Math.min(dueInMs, MAX_AGE_MS) : MAX_AGE_MS);
    return material;
  }
}

/** Undefined where it takes longer. */
function atMost<T>(clock: Clock, ms: number, promise: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ms, () => resolve(undefined));
    void promise.then(resolve, reject).finally(cancel);
  });
}

function sameTls(a: TlsMaterial, b: TlsMaterial): boolean {
  return (
    samePem(a.ca, b.ca) &&
    samePem(a.cert, b.cert) &&
    samePem(a.key, b.key) &&
    a.servername === b.servername &&
    a.proxy?.href === b.proxy?.href &&
    a.rejectUnauthorized === b.rejectUnauthorized
  );
}

function samePem(a: string | Buffer | undefined, b: string | Buffer | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return Buffer.from(a).equals(Buffer.from(b));
}
