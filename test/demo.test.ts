import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, type TestContext, test } from 'vitest';
import { createAdmin } from './cluster/api.ts';
import { eventually } from './cluster/eventually.ts';

const HEADINGS = [
  '1  Audit: what would change',
  '2  Enforce: before and after',
  '3  Drift: a label changed by hand is back',
  '4  A kind that arrives late',
  '5  A violation fixed',
  'In all',
];

/** The demo as a user runs it, with all of its files in a folder of its own. */
class Demo {
  readonly folder = mkdtempSync(join(tmpdir(), 'watchkeeper-demo-test-'));
  readonly child: ChildProcess;
  readonly exited: Promise<number | null>;
  stdout = '';
  stderr = '';

  constructor(...args: readonly string[]) {
    const main = join(import.meta.dirname, '..', 'demo', 'main.ts');
    const { CI: _, ...environment } = process.env;
    this.child = spawn(process.execPath, [main, ...args], {
      env: { ...environment, TMPDIR: this.folder, FORCE_COLOR: undefined },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.on('data', (data) => (this.stdout += String(data)));
    this.child.stderr?.on('data', (data) => (this.stderr += String(data)));
    this.exited = once(this.child, 'close').then(([code]) => (typeof code === 'number' ? code : null));
  }

  /** Until it has written this. */
  async says(text: string): Promise<void> {
    const read = async () => this.stdout + this.stderr;
    await eventually('the output', read, (all) => all.includes(text) || this.child.exitCode !== null);
    if (!this.stdout.includes(text)) throw new Error(`the demo never said '${text}':\n${this.stdout}${this.stderr}`);
  }

  /** Command lines of everything that runs for it, and its files. */
  left(): readonly string[] {
    return [...this.processes().map(({ command }) => command), ...readdirSync(this.folder)];
  }

  processes(): readonly { readonly pid: number; readonly command: string }[] {
    return execFileSync('ps', ['-A', '-ww', '-o', 'pid=,args='], { encoding: 'utf8' })
      .split('\n')
      .filter((line) => line.includes(this.folder))
      .map((line) => /^\s*(?<pid>\d+) (?<command>.*)/.exec(line)?.groups)
      .map((groups) => ({ pid: Number(groups?.['pid']), command: groups?.['command'] ?? '' }));
  }
}

/** Started for one test, which runs beside others; nothing of it stays behind, whatever the test finds. */
function startDemo({ onTestFinished }: TestContext, ...args: readonly string[]): Demo {
  const demo = new Demo(...args);
  onTestFinished(async () => {
    demo.child.kill('SIGKILL');
    await demo.exited;
    for (const { pid } of demo.processes()) spawnSync('kill', ['-9', String(pid)]);
    rmSync(demo.folder, { recursive: true, force: true });
  });
  return demo;
}

/** The numbers where the pattern first fits, wherever lines are broken. */
function numbers(output: string, pattern: RegExp): readonly number[] {
  const [, ...found] = pattern.exec(output.replaceAll(/\s+/g, ' ')) ?? [];
  expect(found, `${pattern} in the output`).not.toEqual([]);
  return found.map(Number);
}

/** The rows below a table's head, up to the next empty line. */
function rows(output: string, head: RegExp): readonly string[] {
  const lines = output.split('\n');
  const start = lines.findIndex((line) => head.test(line)) + 1;
  expect(start, `a table with the head ${head}`).toBeGreaterThan(0);
  return lines.slice(start, lines.indexOf('', start));
}

describe('the demo', () => {
  test.concurrent('tells its story in five steps whose numbers fit together, ends with 0 and leaves nothing', async (context) => {
    const demo = startDemo(context);
    expect([await demo.exited, demo.stderr]).toEqual([0, '']);
    const { stdout } = demo;

    const lines = stdout.split('\n');
    expect(lines.filter((line) => HEADINGS.includes(line))).toEqual(HEADINGS);
    expect(stdout.includes('\u001B')).toBe(false);

    const [matched, toChange] = numbers(stdout, /(\d+) objects matched, (\d+) to change/);
    expect(rows(stdout, /NAMESPACE.*MESSAGE/)).toHaveLength(toChange ?? 0);
    expect(numbers(stdout, /audit log: \d+ to the policies' status, (\d+) to objects/)).toEqual([0]);

    const [labelled, writes] = numbers(stdout, /(\d+) objects labelled by (\d+) writes/);
    expect([labelled, writes]).toEqual([toChange, toChange]);
    const afterwards = rows(stdout, /COST-CENTER BEFORE/).map((row) => row.trim().split(/ {2,}/));
    expect(afterwards).toHaveLength(matched ?? 0);
    for (const [namespace, , , before, after] of afterwards) {
      expect([namespace, after]).toEqual([namespace, namespace === 'team-a' ? 'cc-1001' : 'cc-2002']);
      expect(before).not.toBe(after);
    }
    expect(numbers(stdout, /(\d+) of (\d+) objects comply/)).toEqual([matched, matched]);

    const drifts = rows(stdout, /IS AGAIN/);
    for (const row of drifts) {
      const [, , , was, byHand, isAgain, after] = row.trim().split(/ {2,}/);
      expect(isAgain).toBe(was);
      expect(byHand).not.toBe(was);
      expect(after).toMatch(/^\d+ ms$|^\d+\.\d s$/);
    }

    const late = rows(stdout, /^ *AFTER +WHAT/);
    expect(late.at(0)).toContain('databases.postgresql.cnpg.io created');
    expect(late.at(-1)).toContain('label cost-center=cc-2002 written');

    expect(numbers(stdout, /before +False +(\d+) +(\d+)/)).toEqual([matched, 2]);
    expect(numbers(stdout, /after +True +(\d+) +(\d+)/)).toEqual([matched, 0]);

    // Each drift is undone by one write, and the late object takes one more.
    expect(numbers(stdout, /writes to objects +(\d+)/)).toEqual([(writes ?? 0) + drifts.length + 1]);
    expect(numbers(stdout, /of these refused +(\d+)/)).toEqual([0]);
    expect(numbers(stdout, /warnings logged +(\d+)/)).toEqual([0]);
    expect(demo.left()).toEqual([]);
  });

  test.concurrent('with --keep runs on for whoever follows its directions, until Ctrl-C', async (context) => {
    const demo = startDemo(context, '--keep');
    await demo.says('Ctrl-C stops everything');
    const kubeconfig = /export KUBECONFIG=(.*)/.exec(demo.stdout)?.[1] ?? '';
    const admin = await createAdmin(kubeconfig);
    await admin.patch('/api/v1/namespaces/team-a', { metadata: { labels: { 'cost-center': 'cc-3003' } } });
    await admin.waitForList('/apis/cert-manager.io/v1/namespaces/team-a/certificates', ({ items }) =>
      items.every(({ metadata }) => metadata.labels['cost-center'] === 'cc-3003'),
    );
    admin.close();
    const metrics = /curl (.*)/.exec(demo.stdout)?.[1] ?? '';
    expect(await (await fetch(metrics)).text()).toContain('watchkeeper_writes_total');
    demo.child.kill('SIGINT');
    expect([await demo.exited, demo.stderr]).toEqual([0, '']);
    expect(demo.left()).toEqual([]);
  });
});

describe('a demo', () => {
  test.concurrent('ends on Ctrl-C while it is still setting up, and leaves nothing', async (context) => {
    const demo = startDemo(context);
    await demo.says('Operator');
    demo.child.kill('SIGINT');
    expect([await demo.exited, demo.stderr]).toEqual([130, '']);
    await eventually(
      'what is left',
      async () => demo.left(),
      (left) => left.length === 0,
    );
  });

  test.concurrent('that is killed takes its servers and its operator along', async (context) => {
    const demo = startDemo(context);
    await demo.says('Objects');
    expect(demo.left()).not.toEqual([]);
    demo.child.kill('SIGKILL');
    await demo.exited;
    await eventually(
      'what is left',
      async () => demo.left(),
      (left) => left.length === 0,
    );
  });

  test.concurrent('that fails says why, with the last words of the operator, and ends with 1', async (context) => {
    const demo = startDemo(context);
    await demo.says('Objects');
    const operator = demo.processes().find(({ command }) => command.includes('watchkeeper.js run'));
    process.kill(operator?.pid ?? 0, 'SIGKILL');
    expect(await demo.exited).toBe(1);
    expect(demo.stderr).toMatch(/The demo failed: the operator ended by itself, by a signal/);
    expect(demo.stderr).toMatch(/last log lines:\n.*"msg":"watchkeeper runs"/s);
    expect(demo.left()).toEqual([]);
  });
});
