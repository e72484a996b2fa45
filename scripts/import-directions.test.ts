import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findImports, findViolations } from './import-directions.ts';

let project: string;
beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), 'import-directions-'));
});
afterEach(() => {
  rmSync(project, { recursive: true });
});

/** The problems of a house that holds just this one file. */
function problems(file: string, source: string): string[] {
  const path = join(project, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, source);
  return findViolations(project).map(({ problem }) => problem);
}

test('G3: this house has no import that goes the wrong way', () => {
  expect(findViolations(dirname(import.meta.dirname))).toEqual([]);
});

describe('between rooms', () => {
  test.each([
    ['src/informer/a.ts', '../kube/b.ts'],
    ['src/informer/a.ts', './b.ts'],
    ['src/report/a.ts', '../write/b.ts'],
    ['src/operator.ts', './ops/b.ts'],
    ['src/cli/run.ts', '../operator.ts'],
    ['src/main.ts', './cli/run.ts'],
    ['src/cli/version.ts', '../../package.json'],
    ['src/kube/a.test.ts', '../../test/support/b.ts'],
  ])('%s may import %s', (file, specifier) => {
    expect(problems(file, `import { b } from '${specifier}';`)).toEqual([]);
  });

  test.each([
    ['src/base/a.ts', '../api/b.ts', 'base imports ../api/b.ts: api comes after base'],
    ['src/controller/a.ts', '../write/b.ts', 'controller imports ../write/b.ts: write comes after controller'],
    ['src/kube/deep/a.ts', '../../informer/b.ts', 'kube imports ../../informer/b.ts: informer comes after kube'],
    ['src/ops/a.ts', '../operator.ts', 'ops imports ../operator.ts: operator.ts comes after ops'],
    ['src/operator.ts', './cli/run.ts', 'operator.ts imports ./cli/run.ts: cli comes after operator.ts'],
    ['src/cli/run.ts', '../main.ts', 'cli imports ../main.ts: main.ts comes after cli'],
    ['src/base/a.test.ts', '../kube/b.ts', 'base imports ../kube/b.ts: kube comes after base'],
    ['src/base/a.ts', '../../test/x.ts', 'imports ../../test/x.ts: the product imports nothing outside src'],
    ['src/base/a.ts', '../../bench/x.ts', 'imports ../../bench/x.ts: the product imports nothing outside src'],
    ['src/base/a.ts', '../pantry/x.ts', 'imports ../pantry/x.ts, which is in no room'],
  ])('%s may not import %s', (file, specifier, problem) => {
    expect(problems(file, `import { b } from '${specifier}';`)).toEqual([problem]);
  });

  test('a folder that is no room is named', () => {
    expect(problems('src/utils/a.ts', '')).toEqual(['src/utils is no room of this house']);
  });
});

describe('to the outer world', () => {
  test.each([
    ['src/kube/session.ts', 'node:http2'],
    ['src/kube/kubeconfig-source.ts', '@kubernetes/client-node'],
    ['src/ops/http-server.ts', 'node:http'],
    ['src/policy/a.ts', 're2js'],
    ['src/policy/a.ts', 'node:crypto'],
    ['src/informer/a.test.ts', 'node:http2'],
  ])('%s may import %s', (file, specifier) => {
    expect(problems(file, `import { b } from '${specifier}';`)).toEqual([]);
  });

  test.each([
    ['src/informer/a.ts', 'node:http2', 'informer imports node:http2: only kube may'],
    ['src/policy/a.ts', 'node:http', 'policy imports node:http: only kube, ops may'],
    ['src/kube/a.ts', 'node:tls', 'kube/a.ts imports node:tls: only kube/tls-connect.ts may'],
    ['src/kube/a.ts', 'node:https', 'kube/a.ts imports node:https: only kube/proxy-tunnel.ts may'],
    [
      'src/ops/metrics.ts',
      'node:http',
      'ops/metrics.ts imports node:http: only kube/http1-carrier.ts, kube/proxy-tunnel.ts, ops/http-server.ts may',
    ],
    ['src/cli/a.ts', '@kubernetes/client-node', 'cli imports @kubernetes/client-node: only kube may'],
    ['src/cli/a.ts', '@kubernetes/client-node/dist/config.js', 'cli imports @kubernetes/client-node: only kube may'],
    ['src/policy/a.ts', 'node:child_process', 'policy imports node:child_process: only kube may'],
    ['src/kube/a.ts', 'node:child_process', 'kube/a.ts imports node:child_process: only kube/exec-plugin.ts may'],
    ['src/policy/a.ts', 'node:vm', 'policy imports node:vm: no room may'],
    ['src/kube/a.ts', 'node:dns/promises', 'kube imports node:dns/promises: no room may'],
    ['src/policy/a.ts', 'vm', 'imports vm without node:'],
  ])('%s may not import %s', (file, specifier, problem) => {
    expect(problems(file, `import { b } from '${specifier}';`)).toEqual([problem]);
  });
});

test.each([
  ['src/kube/a.ts', "import type { TLSSocket } from 'node:tls';", 0],
  ['src/kube/a.ts', "import { type TLSSocket } from 'node:tls';", 1],
  ['src/policy/a.ts', "import type { TLSSocket } from 'node:tls';", 1],
])('types of the outer world may be used in its room alone: %s: %s', (file, source, found) => {
  expect(problems(file, source)).toHaveLength(found);
});

test.each([
  ['src/kube/a.ts', "await fetch('http://a');", ['fetch']],
  ['src/kube/a.ts', "globalThis.fetch('http://a');\nnew WebSocket (url);", ['globalThis.fetch', 'WebSocket']],
  ['src/kube/a.ts', "client.fetch(); // fetch it\nprefetch('fetch(');", []],
  ['src/kube/a.test.ts', "await fetch('http://a');", []],
])('what is reached without an import is seen: %s: %s', (file, source, calls) => {
  const problem = 'there is one way to the API server, and none to anybody else';
  expect(problems(file, source)).toEqual(calls.map((call) => `calls ${call}: ${problem}`));
});

test('every form of import is seen, with its line', () => {
  const source = [
    "import { a } from 'a';",
    'import type {',
    '  B,',
    "} from 'b';",
    "import 'c';",
    "export * from 'd';",
    "export type { E } from 'e';",
    "const f = await import('f');",
    "let g: import('g').G;",
    "import h from './h.json' with { type: 'json' };",
    'const i = import(name);',
    "process.getBuiltinModule('node:vm');",
    "// import { x } from 'x';",
    "export const y = 'from';",
  ].join('\n');
  expect(findImports(source)).toEqual([
    { line: 1, specifier: 'a', isType: false },
    { line: 2, specifier: 'b', isType: true },
    { line: 5, specifier: 'c', isType: false },
    { line: 6, specifier: 'd', isType: false },
    { line: 7, specifier: 'e', isType: true },
    { line: 8, specifier: 'f', isType: false },
    { line: 9, specifier: 'g', isType: false },
    { line: 10, specifier: './h.json', isType: false },
    { line: 11, specifier: undefined, isType: false },
    { line: 12, specifier: 'node:vm', isType: false },
  ]);
});
