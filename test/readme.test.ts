import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ControlPlane, startControlPlane } from './cluster/control-plane.ts';
import { eventually } from './cluster/eventually.ts';
import { Watchdog } from './cluster/watchdog.ts';
import { PROJECT, Reader } from './support/reader.ts';
import { type Block, blocksOf } from './support/readme-blocks.ts';

const readme = readFileSync(join(PROJECT, 'README.md'), 'utf8');
/** What a reader does on a cluster, from the first command to the last. */
const SECTIONS = ['Quick start', 'In the cluster', 'Uninstall'];
const steps = blocksOf(readme).filter(({ section }) => SECTIONS.includes(section));

let reader: Reader;
let watchdog: Watchdog | undefined;
let controlPlane: ControlPlane | undefined;
let operator: ChildProcess | undefined;
let log = '';
beforeAll(async () => {
  // Namespaces go away only where kube-controller-manager runs.
  controlPlane = await startControlPlane({ controllerManager: true });
  reader = new Reader(controlPlane.kubeconfig);
  watchdog = new Watchdog(reader.folder);
});
afterAll(async () => {
  await watchdog?.release();
  await controlPlane?.stop();
});

/** The operator in a terminal of its own; resolves when it runs. In a process group, because npm starts it. */
async function startOperator(command: string): Promise<void> {
  const [program = '', ...args] = command.split(' ');
  const child = spawn(program, args, {
    cwd: PROJECT,
    env: reader.environment,
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
  );
  expect(ready).toMatchObject({ exitCode: null });
}

async function follow(step: Block): Promise<void> {
  const { language, text } = step;
  if (language === 'yaml')
    await reader.shell(`kubectl apply --validate=strict --dry-run=server -f ${reader.file(step)}`);
  else if (language !== 'sh') throw new Error(`nobody can follow a block of ${language}`);
  else if (text === 'npm start') await startOperator(text);
  else await reader.run(step);
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
  expect(targets.filter((target) => !existsSync(join(PROJECT, target)))).toEqual([]);
});
