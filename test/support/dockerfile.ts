import * as z from 'zod';

/** What the last stage of a Dockerfile makes of the image. */
export interface FinalStage {
  readonly copies: readonly Copy[];
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  /** As written, such as `65532:65532`. */
  readonly user: string;
  readonly workingFolder: string;
  /** Instructions that run something while the image is built. */
  readonly runs: readonly string[];
}

export interface Copy {
  /** The stage that the files come from; undefined for the build context. */
  readonly from: string | undefined;
  readonly sources: readonly string[];
  readonly destination: string;
}

interface Instruction {
  readonly name: string;
  readonly rest: string;
}

/** Reads the last stage. Knows what this project's Dockerfile uses, and throws on what it does not know. */
export function finalStage(dockerfile: string): FinalStage {
  const all = instructions(dockerfile);
  const stage = all.slice(all.findLastIndex(({ name }) => name === 'FROM') + 1);
  const rests = (wanted: string) => stage.filter(({ name }) => name === wanted).map(({ rest }) => rest);
  if (rests('ADD').length > 0) throw new Error('ADD in the final stage: use COPY, which only copies');
  return {
    copies: rests('COPY').map(copyOf),
    entrypoint: words(rests('ENTRYPOINT').at(-1)),
    command: words(rests('CMD').at(-1)),
    user: rests('USER').at(-1) ?? 'root',
    workingFolder: rests('WORKDIR').at(-1) ?? '/',
    runs: rests('RUN'),
  };
}

function instructions(dockerfile: string): Instruction[] {
  return dockerfile
    .split('\n')
    .filter((line) => !line.trimStart().startsWith('#'))
    .join('\n')
    .replaceAll(/\\\n/g, ' ')
    .split('\n')
    .map((line) => /^\s*(\w+)\s+(.*?)\s*$/.exec(line))
    .filter((match) => match !== null)
    .map(([, name = '', rest = '']) => ({ name: name.toUpperCase(), rest }));
}

function copyOf(rest: string): Copy {
  const parts = rest.split(/\s+/);
  const flags = parts.filter((part) => part.startsWith('--'));
  const unknown = flags.find((flag) => !flag.startsWith('--from='));
  if (unknown !== undefined) throw new Error(`COPY ${unknown} is not known here`);
  const paths = parts.filter((part) => !part.startsWith('--'));
  const destination = paths.at(-1);
  if (destination === undefined || paths.length < 2) throw new Error(`COPY ${rest} names no destination`);
  return { from: flags.at(-1)?.slice('--from='.length), sources: paths.slice(0, -1), destination };
}

const wordsSchema = z.array(z.string());

/** An exec form: without a shell in the image the other form cannot start. */
function words(rest: string | undefined): readonly string[] {
  return rest === undefined ? [] : wordsSchema.parse(JSON.parse(rest));
}
