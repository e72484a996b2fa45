import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/**
 * To whom a process speaks now, as Linux sees it: far ends of its connections, without those who came to one of its own ports,
 * and `udp` for each such socket. Empty on other systems, which have no /proc.
 */
export function outwardConnections(pid: number): string[] {
  if (process.platform !== 'linux') return [];
  const inodes = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
      } catch {
        // Closed meanwhile.
        return [];
      }
    }),
  );
  const rows = (names: readonly string[]) =>
    names.flatMap((name) =>
      readFileSync(`/proc/${pid}/net/${name}`, 'utf8')
        .trim()
        .split('\n')
        .slice(1)
        .map((line) => line.trim().split(/\s+/))
        .filter((cells) => inodes.has(cells[9] ?? ''))
        .map(([, local = '', remote = '', state = '']) => ({ local, remote, state })),
    );
  const tcp = rows(['tcp', 'tcp6']);
  const ports = new Set(tcp.filter(({ state }) => state === LISTENING).map(({ local }) => portOf(local)));
  const outward = tcp.filter(({ local }) => !ports.has(portOf(local)));
  return [...outward.map(({ remote }) => address(remote)), ...rows(['udp', 'udp6']).map(() => 'udp')];
}

const LISTENING = '0A';

function portOf(text: string): number {
  return Number.parseInt(text.split(':')[1] ?? '', 16);
}

/** `0100007F:1F90` is 127.0.0.1:8080: the address comes in the byte order of the machine, which is little-endian. */
function address(text: string): string {
  const last = Buffer.from(text.split(':')[0]?.slice(-8) ?? '', 'hex').toReversed();
  return `${last.join('.')}:${portOf(text)}`;
}
