import { expect, test } from 'vitest';
import { finalStage } from './dockerfile.ts';

const dockerfile = `
# COPY not-this ./
ARG BASE=b
FROM node AS build
COPY everything ./
RUN make
FROM \${BASE}
LABEL a="1" \\
      b="2"
WORKDIR /app
COPY --from=build /src/out/a /src/out/b ./
COPY notice /notice
USER 1:1
ENTRYPOINT ["/node", "/app/a"]
CMD ["run"]
`;

test('the last stage alone decides what the image holds', () => {
  expect(finalStage(dockerfile)).toEqual({
    copies: [
      { from: 'build', sources: ['/src/out/a', '/src/out/b'], destination: './' },
      { from: undefined, sources: ['notice'], destination: '/notice' },
    ],
    entrypoint: ['/node', '/app/a'],
    command: ['run'],
    user: '1:1',
    workingFolder: '/app',
    runs: [],
  });
});

test.each([
  ['FROM a\nADD x ./', 'ADD in the final stage'],
  ['FROM a\nCOPY --chmod=777 x ./', 'COPY --chmod=777 is not known here'],
  ['FROM a\nCOPY x', 'names no destination'],
  ['FROM a\nENTRYPOINT node main.js', 'not valid JSON'],
])('%j is refused, not guessed at', (text, problem) => {
  expect(() => finalStage(text)).toThrow(problem);
});

test('an image without a user runs as root', () => {
  expect(finalStage('FROM a')).toMatchObject({ user: 'root', workingFolder: '/', copies: [] });
});
