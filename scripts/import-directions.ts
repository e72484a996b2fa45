/**
 * Holds the house together: a room imports only from rooms before it, and the outer world only where it belongs.
 *
 *   node scripts/import-directions.ts [folder with src/]
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Lowest first. `leadership.ts`, `operator.ts` and `main.ts` stand in the row as rooms of one file. */
const rooms = [
  'base',
  'api',
  'kube',
  'informer',
  'policy',
  'watchplan',
  'controller',
  'write',
  'report',
  'ops',
  'sandbox',
  'leadership.ts',
  'operator.ts',
  'cli',
  'main.ts',
];

/**
 * The outer world, and the files that may touch it; their rooms may use its types. Whatever is not named here is free.
 * There is one way to the API server, and none to anybody else.
 */
const ownedModules: ReadonlyMap<string, readonly string[]> = new Map([
  // Credentials of a kubeconfig.
  ['@kubernetes/client-node', ['kube/kubeconfig-source.ts']],
  // Behind the door, `refuseReason`, which the client asks before each request.
  ['node:http2', ['kube/exchange.ts', 'kube/http1-carrier.ts', 'kube/session.ts']],
  ['node:tls', ['kube/tls-connect.ts']],
  // No more than whether a text is an address.
  ['node:net', ['kube/in-cluster-source.ts', 'kube/proxy-tunnel.ts', 'kube/proxy.ts', 'kube/tls-connect.ts', 'ops/']],
  // The way through a proxy that a kubeconfig or its environment names. To credentials a type alone.
  ['node:https', ['kube/proxy-tunnel.ts']],
  // Health and metrics: a server. And the API server where it does not speak HTTP/2, or is behind a proxy.
  ['node:http', ['kube/http1-carrier.ts', 'kube/proxy-tunnel.ts', 'ops/http-server.ts']],
  ['node:dns', []],
  ['node:quic', []],
  // The plugin that a kubeconfig names. Nothing else in the product runs other programs or code that it did not bring along.
  ['node:child_process', ['kube/exec-plugin.ts']],
  ['node:cluster', []],
  ['node:dgram', []],
  ['node:inspector', []],
  ['node:module', []],
  ['node:vm', []],
  ['node:worker_threads', []],
]);

/** What Node has at hand without an import and reaches others by. */
const outwardGlobal = /(?:\bglobalThis\.|(?<![\w.'"`#]))(?:fetch|WebSocket|EventSource|XMLHttpRequest)\s*\(/g;

export interface Violation {
  /** Relative to the project, with forward slashes. */
  readonly file: string;
  readonly line: number;
  readonly problem: string;
}

/** Every import in `<project>/src` that goes the wrong way, in the order of files and lines. */
export function findViolations(project: string): Violation[] {
  const src = join(project, 'src');
  return readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .toSorted()
    .flatMap((path) => violationsOf(src, path.split(sep).join('/')));
}

function violationsOf(src: string, path: string): Violation[] {
  const file = `src/${path}`;
  const room = roomOf(path);
  if (room === undefined) return [{ file, line: 1, problem: `src/${path.split('/')[0]} is no room of this house` }];
  const importer: Importer = { path, room, folder: dirname(join(src, path)), isTest: path.endsWith('.test.ts') };
  const source = readFileSync(join(src, path), 'utf8');
  const imports = findImports(source).flatMap(({ line, specifier, isType }) => {
    const problem = specifier === undefined ? 'imports a computed name' : problemOf(src, importer, specifier, isType);
    return problem === undefined ? [] : [{ file, line, problem }];
  });
  return [...imports, ...(importer.isTest ? [] : outwardCalls(file, source))];
}

function outwardCalls(file: string, source: string): Violation[] {
  return [...source.matchAll(outwardGlobal)].map(({ 0: call, index }) => {
    const problem = `calls ${call.slice(0, -1).trim()}: there is one way to the API server, and none to anybody else`;
    return { file, line: lineAt(source, index), problem };
  });
}

function lineAt(source: string, index: number): number {
  return source.slice(0, index).split('\n').length;
}

interface Importer {
  /** Relative to src/. */
  readonly path: string;
  readonly room: string;
  readonly folder: string;
  readonly isTest: boolean;
}

function problemOf(src: string, importer: Importer, specifier: string, isType: boolean): string | undefined {
  return specifier.startsWith('.')
    ? problemOfPath(src, importer, specifier)
    : problemOfModule(importer, specifier.startsWith('node:') ? specifier : packageOf(specifier), isType);
}

function problemOfPath(src: string, { room, folder, isTest }: Importer, specifier: string): string | undefined {
  const target = relative(src, resolve(folder, specifier)).split(sep).join('/');
  if (target.startsWith('../')) {
    const allowed = target === '../package.json' || (isTest && target.startsWith('../test/'));
    return allowed ? undefined : `imports ${specifier}: the product imports nothing outside src`;
  }
  const targetRoom = roomOf(target);
  if (targetRoom === undefined) return `imports ${specifier}, which is in no room`;
  if (rooms.indexOf(targetRoom) <= rooms.indexOf(room)) return undefined;
  return `${room} imports ${specifier}: ${targetRoom} comes after ${room}`;
}

/** Tests may bring up servers and processes of their own; what they import from the house still goes one way. */
function problemOfModule({ path, room, isTest }: Importer, module: string, isType: boolean): string | undefined {
  if (ownedModules.has(`node:${module}`)) return `imports ${module} without node:`;
  const owners = ownedModules.get(module.replace(/^(node:[^/]+)\/.*/, '$1'));
  if (isTest || owners === undefined || owners.includes(path)) return undefined;
  const ownRooms = [...new Set(owners.map((owner) => owner.split('/')[0] ?? ''))];
  if (!ownRooms.includes(room))
    return `${room} imports ${module}: ${ownRooms.length === 0 ? 'no room may' : `only ${ownRooms.join(', ')} may`}`;
  if (isType) return undefined;
  const files = owners.filter((owner) => owner.endsWith('.ts'));
  return `${path} imports ${module}: ${files.length === 0 ? 'no file may but its types' : `only ${files.join(', ')} may`}`;
}

function roomOf(path: string): string | undefined {
  const first = path.split('/')[0] ?? '';
  return rooms.find((room) => room === first || first === room.replace('.ts', '.test.ts'));
}

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

interface Import {
  readonly line: number;
  /** Undefined where the name is computed. */
  readonly specifier: string | undefined;
  /** Nothing of it is there when the program runs. */
  readonly isType: boolean;
}

const importForms = [
  // import ... from 'x', export ... from 'x', with or without `type`, over any number of lines
  /^[ \t]*(?:import|export)\b[^'"`;=()]*?\bfrom\s*(['"])(?<specifier>[^'"]+)\1/gm,
  // import 'x'
  /^[ \t]*import\s*(['"])(?<specifier>[^'"]+)\1/gm,
  // import('x'), also as a type; anything but one plain string is a computed name
  /\bimport\s*\(\s*(?:(['"])(?<specifier>[^'"]+)\1\s*[,)])?/g,
  // the back doors: require('x') and process.getBuiltinModule('x')
  /\b(?:require|getBuiltinModule)\s*\(\s*(?:(['"])(?<specifier>[^'"]+)\1\s*\))?/g,
];

/** All imports of a TypeScript source, read by pattern: the sources are formatted, so a statement begins its line. */
export function findImports(source: string): Import[] {
  return importForms
    .flatMap((form) => [...source.matchAll(form)])
    .toSorted((a, b) => a.index - b.index)
    .map((match) => ({
      line: lineAt(source, match.index),
      specifier: match.groups?.['specifier'],
      isType: /^[ \t]*(?:import|export)\s+type\b/.test(match[0]),
    }));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const violations = findViolations(resolve(process.argv[2] ?? dirname(import.meta.dirname)));
  for (const { file, line, problem } of violations) process.stderr.write(`${file}:${line}: ${problem}\n`);
  process.exitCode = violations.length === 0 ? 0 : 1;
}
