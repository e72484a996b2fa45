import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ControlPlane, startControlPlane } from './cluster/control-plane.ts';
import { eventually } from './cluster/eventually.ts';
import { Watchdog } from './cluster/watchdog.ts';
import { blocksOf } from './support/readme-blocks.ts';

const project = join(import.meta.dirname, '..');
const readme = readFileSync(join(project, 'README.md'), 'utf8');
/** What a reader does on a cluster, from the first command to the last. */
const SECTIONS = ['Quick start', 'In the cluster', 'Uninstall'];
const steps = blocksOf(readme).filter(({ section }) => SECTIONS.includes(section));

let folder: string;
let watchdog: Watchdog | undefined;
let controlPlane: ControlPlane | undefined;
let operator: ChildProcess | undefined;
let log = '';
beforeAll(async () => {
  const { error } = spawnSync('kubectl', ['version', '--client']);
  if (error !== undefined)
    throw new Error(
      `kubectl is needed to follow README.md: see https://kubernetes.io/docs/tasks/tools (${error.message})`,
    );
  folder = mkdtempSync(join(tmpdir(), 'watchkeeper-readme-'));
  watchdog = new Watchdog(folder);
  // Namespaces go away only where kube-controller-manager runs.
  controlPlane = await startControlPlane({ controllerManager: true });
});
afterAll(async () => {
  await watchdog?.release();
  await controlPlane?.stop();
});

/** A reader's shell, on the control plane and with nothing of ours at home. */
function environment(): NodeJS.ProcessEnv {
  return { ...process.env, KUBECONFIG: controlPlane?.kubeconfig, HOME: folder, WATCHKEEPER_LISTEN: '127.0.0.1:0' };
}

/** Runs the commands, each of which has to succeed. @returns what they print */
async function shell(commands: string): Promise<string> {
  // Without the machine's own start-up file: bash takes Node's pipe for a remote shell where no other shell is above it.
  const args = ['--norc', '-euo', 'pipefail', '-c', commands];
  const { stdout, stderr } = await promisify(execFile)('bash', args, { cwd: project, env: environment() });
  if (stderr !== '') throw new Error(`${commands}\n${stderr}`);
  return stdout;
}

/** The operator in a terminal of its own; resolves when it runs. In a process group, because npm starts it. */
async function startOperator(command: string): Promise<void> {
  const [program = '', ...args] = command.split(' ');
  const child = spawn(program, args, {
    cwd: project,
    env: environment(),
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  operator = child;
  // The negative id names the whole group.
  if (child.pid !== undefined) watchdog?.watch(-child.pid);
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (log += String(data)));
  const read = async () => ({ log, exitCode: child.exitCode });
  const ready = await eventually(
    'the log',
    read,
    (seen) => seen.log.includes('"watchkeeper runs"') || seen.exitCode !== null,
    {
      timeoutMs: 20_000,
    },
  );
  expect(ready).toMatchObject({ exitCode: null });
}

/** Ages and the widths of columns differ from run to run. */
function comparable(output: string): string {
  return output
    .trim()
    .split('\n')
    .map((line) => line.replaceAll(/\b\d+[smh]\b/g, 'AGE').replaceAll(/ +/g, ' '))
    .join('\n');
}

async function follow({ language, text, line, output }: (typeof steps)[number]): Promise<void> {
  if (language === 'yaml') {
    const file = join(folder, `line-${line}.yaml`);
    writeFileSync(file, text);
    await shell(`kubectl apply --validate=strict --dry-run=server -f ${file}`);
  } else if (language !== 'sh') throw new Error(`nobody can follow a block of ${language}`);
  else if (text === 'npm start') await startOperator(text);
  else if (output === undefined) await shell(text);
  // Whoever types these sees them a moment after the step before; they only look.
  else
    await eventually(
      text,
      async () => comparable(await shell(text)),
      (seen) => seen === comparable(output),
    );
}

/** Ctrl-C, as a terminal does it: to the whole group. Resolves when every process of it has ended. */
async function stopOperator(): Promise<void> {
  if (operator?.pid === undefined) throw new Error('README.md starts no operator');
  const closed = once(operator, 'close');
  process.kill(-operator.pid, 'SIGINT');
  await closed;
}

test('whoever follows README.md from its first command to its last gets what it says', async () => {
  expect([...new Set(steps.map(({ section }) => section))]).toEqual(SECTIONS);
  for (const step of steps) {
    try {
      await follow(step);
    } catch (error) {
      throw new Error(`README.md, line ${step.line}: ${String(error)}`, { cause: error });
    }
  }
  await stopOperator();
  expect(log.trim().split('\n').at(-1)).toContain('watchkeeper has stopped');
});

test('every link of README.md to a file of the project leads to one', () => {
  const targets = [...readme.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, target = '']) => target);
  expect(targets.length).toBeGreaterThan(0);
  expect(targets.filter((target) => !existsSync(join(project, target)))).toEqual([]);
});
