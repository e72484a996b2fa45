import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';

/**
 * Reads lines of process ids, each line the complete list, until its input ends: that happens however its parent dies,
 * by SIGKILL too. Then it kills what the last line names and removes the folder; a killed process may still be writing,
 * so removal is tried again for two seconds. It is deaf to the signals by which a whole tree of processes is stopped.
 */
const SCRIPT = `
trap '' HUP INT TERM
pids=
while read -r line; do pids=$line; done
[ -z "$pids" ] || kill -9 $pids 2>/dev/null
tries=0
until rm -rf -- "$1" 2>/dev/null || [ $tries -ge 20 ]; do tries=$((tries + 1)); sleep 0.1; done
`;

/** A small process that outlives this one just long enough to leave none of its servers and none of its files behind. */
export class Watchdog {
  readonly #folder: string;
  readonly #process: ChildProcess;
  readonly #watched = new Set<number>();

  constructor(folder: string) {
    this.#folder = folder;
    // In a session of its own, so that neither Ctrl-C nor a signal to this process group reaches it.
    this.#process = spawn('/bin/sh', ['-c', SCRIPT, 'watchdog', folder], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.#process.stdin?.on('error', () => undefined);
  }

  watch(pid: number): void {
    this.#watched.add(pid);
    this.#tell();
  }

  /** To be called as soon as a process has ended: its id may be given to another one. */
  forget(pid: number): void {
    if (this.#watched.delete(pid)) this.#tell();
  }

  /** Kills what is still watched and removes the folder; resolves when both are done. */
  async release(): Promise<void> {
    const { exitCode, signalCode, stdin } = this.#process;
    const ended = exitCode === null && signalCode === null ? once(this.#process, 'exit') : undefined;
    stdin?.end();
    await ended;
    // Somebody may have killed the watchdog itself.
    await rm(this.#folder, { recursive: true, force: true });
  }

  #tell(): void {
    this.#process.stdin?.write(`${[...this.#watched].join(' ')}\n`);
  }
}
