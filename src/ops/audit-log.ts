import { type FileHandle, open } from 'node:fs/promises';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { SerialWork } from '../base/serial-work.ts';
import { OpsError } from './errors.ts';

/** What became of the lines so far. */
export interface AuditCounts {
  readonly Written: number;
  readonly Dropped: number;
}

/** Takes entries and keeps nobody waiting. */
export interface AuditSink {
  readonly counts: AuditCounts;
  write(entry: object): void;
}

/** Characters that wait for a slow disk, at most; beyond that lines are dropped and counted. */
const MAX_WAITING = 16 * 1024 * 1024;

/**
 * Appends entries to a file, one line of JSON each, in the background. A file that cannot be written for a while costs its lines
 * and nothing else: that is logged once, counted, and tried again with each line.
 */
export class AuditLog implements AuditSink {
  readonly #path: string;
  readonly #log: Log;
  #handle: FileHandle;
  #lines: string[] = [];
  #waiting = 0;
  #written = 0;
  #dropped = 0;
  readonly #flushing = new SerialWork(() => this.#flush());
  #failing = false;
  /** A write broke off in the middle of a line. */
  #torn = false;

  private constructor(path: string, handle: FileHandle, log: Log) {
    this.#path = path;
    this.#handle = handle;
    this.#log = log;
  }

  /** @throws OpsError 'CannotOpenAuditLog' */
  static async open(path: string, log: Log): Promise<AuditLog> {
    return new AuditLog(path, await openFile(path), log);
  }

  get counts(): AuditCounts {
    return { Written: this.#written, Dropped: this.#dropped };
  }

  write(entry: object): void {
    const line = `${JSON.stringify(entry)}\n`;
    if (this.#waiting + line.length > MAX_WAITING) {
      this.#failed(1, 'the disk is too slow');
      return;
    }
    this.#lines.push(line);
    this.#waiting += line.length;
    this.#flushing.wake();
  }

  /** Goes on in a new file of the name, after the old one was moved away. The old one stays in use when that fails. */
  async reopen(): Promise<void> {
    try {
      const opened = await openFile(this.#path);
      // From here on every line goes there, however many more are under way.
      const old = this.#handle;
      this.#handle = opened;
      this.#torn = false;
      await this.#flushing.running;
      await old.close();
    } catch (error) {
      this.#log.warn({ reason: messageOf(error) }, 'the audit log could not be opened again');
    }
  }

  /** Writes what waits, and closes. */
  async close(): Promise<void> {
    await this.#flushing.running;
    await this.#handle.close();
  }

  async #flush(): Promise<void> {
    // What comes together is written together.
    await Promise.resolve();
    while (this.#lines.length > 0) {
      const lines = this.#lines;
      this.#lines = [];
      this.#waiting = 0;
      await this.#append(lines);
    }
  }

  async #append(lines: readonly string[]): Promise<void> {
    const text = Buffer.from(`${this.#torn ? '\n' : ''}${lines.join('')}`);
    const handle = this.#handle;
    let done = 0;
    try {
      while (done < text.length) done += (await handle.write(text, done)).bytesWritten;
      if (handle === this.#handle) this.#torn = false;
      this.#written += lines.length;
      if (this.#failing) this.#log.info({ path: this.#path }, 'the audit log can be written again');
      this.#failing = false;
    } catch (error) {
      // How many lines are whole does not matter enough to find out; none is counted that is not.
      if (done > 0 && handle === this.#handle) this.#torn = text[done - 1] !== NEWLINE;
      this.#failed(lines.length, messageOf(error));
    }
  }

  #failed(lines: number, reason: string): void {
    this.#dropped += lines;
    if (!this.#failing)
      this.#log.error({ path: this.#path, reason }, 'the audit log cannot be written; lines are lost');
    this.#failing = true;
  }
}

const NEWLINE = 0x0a;

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'a', 0o640);
  } catch (error) {
    throw new OpsError('CannotOpenAuditLog', `the audit log ${path} cannot be opened: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** Entries as lines of a stream that is written at once, as the log on standard output is. */
export function streamAudit(stream: { write(text: string): unknown }): AuditSink {
  let written = 0;
  return {
    get counts() {
      return { Written: written, Dropped: 0 };
    },
    write(entry) {
      stream.write(`${JSON.stringify(entry)}\n`);
      written += 1;
    },
  };
}
