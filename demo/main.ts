import { parseArgs } from 'node:util';
import { ensureBinaries } from '../test/cluster/build-binaries.ts';
import type { ProductProcess } from '../test/support/product-process.ts';
import { howToConnect, howToGoOn } from './going-on.ts';
import { setStage } from './stage.ts';
import { tell } from './story.ts';
import { duration, Terminal } from './terminal.ts';

/** As shells say it of a process that Ctrl-C has ended. */
const INTERRUPTED = 130;
const LOG_LINES = 15;

/** Tells the story on a stage of its own and takes the stage down, however the story ends. @returns the exit code */
async function main(keep: boolean): Promise<number> {
  const started = performance.now();
  const binaries = await ensureBinaries();
  const interrupted = untilInterrupted();
  const died = Promise.withResolvers<never>();
  const endings = new AsyncDisposableStack();
  const terminal = new Terminal(process.stdout);
  let operator: ProductProcess | undefined;

  const onOperator = (running: ProductProcess): void => {
    operator = running;
    void running.exited.then((code) =>
      died.reject(
        new Error(`the operator ended by itself, by ${code === undefined ? 'a signal' : `exit code ${code}`}`),
      ),
    );
  };
  const show = async (): Promise<'told'> => {
    terminal.heading('Watchkeeper, on a control plane of its own');
    const stage = await setStage({ binaries, terminal, endings, onOperator });
    await tell(stage, terminal);
    if (keep) await howToConnect(terminal, stage);
    else howToGoOn(terminal);
    return 'told';
  };
  try {
    const end = await Promise.race([show(), interrupted, died.promise]);
    if (end === 'told' && keep) await Promise.race([interrupted, died.promise]);
    // From here on nobody waits for what is still under way, nor wants to read of it.
    terminal.close();
    const closing = new Terminal(process.stdout);
    closing.gap();
    await closing.step('Stopping', async () => {
      await endings.disposeAsync();
      const code = await operator?.exited;
      if (end === 'told' && code !== 0)
        throw new Error(`SIGTERM ended the operator with ${code ?? 'a signal'}, not with 0`);
      return { outcome: 'operator, kube-apiserver and etcd have ended; their folders are gone', value: undefined };
    });
    if (end === 'told' && !keep) closing.say(`The whole demo took ${duration(performance.now() - started)}.`);
    return end === 'told' ? 0 : INTERRUPTED;
  } catch (error) {
    terminal.close();
    process.stderr.write(`\nThe demo failed: ${error instanceof Error ? error.message : String(error)}\n`);
    if (operator !== undefined) process.stderr.write(`\nThe operator's last log lines:\n${operator.tail(LOG_LINES)}\n`);
    return 1;
  } finally {
    await endings.disposeAsync();
  }
}

/** Listens on: npm passes Ctrl-C on to a process that had it from the terminal already. */
async function untilInterrupted(): Promise<'interrupted'> {
  return new Promise((resolve) => {
    process.on('SIGINT', () => resolve('interrupted'));
    process.on('SIGTERM', () => resolve('interrupted'));
  });
}

try {
  const { values } = parseArgs({ options: { keep: { type: 'boolean', default: false } } });
  // Something may still be starting after Ctrl-C; what it starts is bound to end with this process.
  process.exit(await main(values.keep));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
