import { readFileSync } from 'node:fs';

/** User and system time of a process, in seconds; the kernel counts in hundredths. Linux only, as all in this file. */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

export const MIB = 1024 * 1024;

export interface Resident {
  readonly now: number;
  readonly peak: number;
  /** Of those now: pages of files, which processes of one program share; nearly all are the program itself. */
  readonly files: number;
}

/** Resident memory in bytes. */
export function residentBytes(pid: number): Resident {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const bytes = (name: string) => 1024 * Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]);
  return { now: bytes('VmRSS'), peak: bytes('VmHWM'), files: bytes('RssFile') };
}
