/** Where progress goes: `process.stderr`, or anything like it. */
export interface ProgressOutput {
  readonly isTTY?: boolean | undefined;
  write(text: string): unknown;
}

/** Shows that a long step is under way: a ticking line on a terminal, one line at its start and end elsewhere. */
export async function showStep<T>(output: ProgressOutput, title: string, step: () => Promise<T>): Promise<T> {
  const started = performance.now();
  const seconds = (): string => `${Math.round((performance.now() - started) / 1000)} s`;
  const isTerminal = output.isTTY === true;
  const draw = (): unknown => output.write(`\r\u001B[K${title} ... ${seconds()}`);
  if (isTerminal) draw();
  else output.write(`${title} ...\n`);
  const ticking = isTerminal ? setInterval(draw, 1000) : undefined;
  let outcome = 'failed';
  try {
    const result = await step();
    outcome = 'done';
    return result;
  } finally {
    clearInterval(ticking);
    output.write(`${isTerminal ? '\r\u001B[K' : ''}${title}: ${outcome} after ${seconds()}\n`);
  }
}
