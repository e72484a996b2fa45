/**
 * Preloaded into a product process with `--import`, this writes down everybody to whom it turns: one line for each
 * connection, name look-up and datagram, to the file that WATCHKEEPER_TEST_OUTWARD names.
 */
import { ChildProcess } from 'node:child_process';
import dgram from 'node:dgram';
import dns from 'node:dns';
import { appendFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';

const file = process.env['WATCHKEEPER_TEST_OUTWARD'] ?? '';

function note(what: string): void {
  appendFileSync(file, `${what}\n`);
}

/** Calls the real one afterwards. */
function tell(owner: object, name: string, words: (args: readonly unknown[]) => string): void {
  const real: unknown = Reflect.get(owner, name);
  if (typeof real !== 'function') throw new Error(`there is no ${name} to listen to`);
  Reflect.set(owner, name, function told(this: unknown, ...args: readonly unknown[]): unknown {
    note(words(args));
    return Reflect.apply(real, this, args) as unknown;
  });
}

// TLS and HTTP/2 connect by these too.
tell(net.Socket.prototype, 'connect', (args) => `connect ${target(args)}`);
tell(dgram.Socket.prototype, 'send', () => 'datagram');
tell(ChildProcess.prototype, 'spawn', ([options]) => `spawn ${JSON.stringify(options)}`);
for (const name of ['resolve', 'resolve4', 'resolve6', 'resolveAny'])
  tell(dns, name, ([host]) => `resolve ${String(host)}`);
for (const name of ['lookup', 'resolve', 'resolve4', 'resolve6']) {
  tell(dns.promises, name, ([host]) => `resolve ${String(host)}`);
}
// An address needs no look-up: only names are told.
tell(dns, 'lookup', ([host]) => `${net.isIP(String(host)) === 0 ? 'resolve' : 'address'} ${String(host)}`);
syncBuiltinESMExports();
note('listening');

/** Node hands its own normalised arguments on as one list. */
function target(args: readonly unknown[]): string {
  const [first, second] = Array.isArray(args[0]) ? (args[0] as readonly unknown[]) : args;
  if (typeof first === 'object' && first !== null) {
    const { host, port, path } = first as { readonly host?: unknown; readonly port?: unknown; readonly path?: unknown };
    return typeof path === 'string' ? path : `${word(host)}:${String(port)}`;
  }
  return `${word(second)}:${String(first)}`;
}

function word(host: unknown): string {
  return typeof host === 'string' ? host : 'localhost';
}
