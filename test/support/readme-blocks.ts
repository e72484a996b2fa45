/** One fenced block of a Markdown text. */
export interface Block {
  /** Of the second-level section that it stands in. */
  readonly section: string;
  readonly language: string;
  readonly text: string;
  /** Number of its first line in the file, from 1. */
  readonly line: number;
  /** The `text` block that follows with no other block between: what the commands print. */
  readonly output: string | undefined;
}

/** The blocks of a Markdown text in their order; those that are another's output are not listed by themselves. */
export function blocksOf(markdown: string): readonly Block[] {
  const blocks: Block[] = [];
  let section = '';
  let open: { readonly language: string; readonly line: number; readonly lines: string[] } | undefined;
  for (const [index, line] of markdown.split('\n').entries()) {
    if (open === undefined && line.startsWith('## ')) section = line.slice('## '.length);
    if (!line.startsWith('```')) open?.lines.push(line);
    else if (open === undefined) open = { language: line.slice('```'.length), line: index + 2, lines: [] };
    else {
      const text = open.lines.join('\n');
      const last = blocks.at(-1);
      if (open.language === 'text' && last !== undefined) blocks[blocks.length - 1] = { ...last, output: text };
      else blocks.push({ section, language: open.language, text, line: open.line, output: undefined });
      open = undefined;
    }
  }
  return blocks;
}
