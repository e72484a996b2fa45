import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createAdmin } from './cluster/api.ts';
import { type ControlPlane, startControlPlane } from './cluster/control-plane.ts';
import { OperatorProcess, stopOperators } from './support/operator-process.ts';
import { PROJECT, Reader } from './support/reader.ts';
import { type Block, blocksOf } from './support/readme-blocks.ts';

const FOLDER = join(PROJECT, 'docs');
const pages = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.md'))
  .map((name) => ({ name, text: readFileSync(join(FOLDER, name), 'utf8') }));

/** The sections of all pages in which there is something to do, each followed from its beginning to its end. */
const sections = pages.flatMap(({ name, text }) => {
  const titles = [...new Set(blocksOf(text).map(({ section }) => section))];
  return titles.map((title) => ({ name, title, steps: blocksOf(text).filter(({ section }) => section === title) }));
});

let controlPlane: ControlPlane;
let reader: Reader;
beforeAll(async () => {
  controlPlane = await startControlPlane({ controllerManager: true });
  reader = new Reader(controlPlane.kubeconfig);
  await reader.shell('kubectl apply -f deploy/install.yaml -f deploy/targets.yaml');
  const admin = await createAdmin(controlPlane);
  await admin.waitForCrd('watchpolicies.watchkeeper.dev');
  admin.close();
  // With the reader's own rights: what each page needs is said by the page on security.
  await OperatorProcess.start({ kubeconfig: controlPlane.kubeconfig });
});
afterAll(async () => {
  await stopOperators();
  await controlPlane.stop();
});

async function follow(step: Block): Promise<void> {
  const { language } = step;
  if (language === 'yaml') await reader.shell(`kubectl apply --server-side --validate=strict -f ${reader.file(step)}`);
  else if (language === 'sh') await reader.run(step);
  else throw new Error(`nobody can follow a block of '${language}'`);
}

describe('whoever follows the documents gets what they say', () => {
  // What a section leaves behind is not the next one's matter, however it ended.
  afterEach(async () => {
    await reader.shell('kubectl delete watchpolicies --all --timeout=20s');
  });

  test.each(sections)('$name: $title', async ({ name, steps }) => {
    for (const step of steps) {
      try {
        await follow(step);
      } catch (error) {
        throw new Error(`docs/${name}, line ${step.line}: ${String(error)}`, { cause: error });
      }
    }
    // Every policy that was shown is one that the operator takes.
    await expect.poll(refusedPolicies).toEqual('');
  });
});

async function refusedPolicies(): Promise<string> {
  const accepted = '{range .items[*]}{.metadata.name}={.status.conditions[?(@.type=="Accepted")].status}{"\\n"}{end}';
  const all = await reader.shell(`kubectl get watchpolicies -o jsonpath='${accepted}'`);
  return all.replaceAll(/.*=True\n/g, '');
}

test.each(pages)('$name: every link to a file of the project leads to one', ({ text }) => {
  const targets = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, target = '']) => target);
  expect(
    targets.filter((target) => !existsSync(join(FOLDER, dirname(target), target.split('/').at(-1) ?? ''))),
  ).toEqual([]);
});
