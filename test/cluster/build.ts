import { ensureBinaries } from './build-binaries.ts';

try {
  const binaries = await ensureBinaries();
  for (const path of Object.values(binaries)) process.stdout.write(`${path}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
