/** Touches every package that the product stands on; the bundle's test builds and runs it, and reads what it prints. */
import { KubeConfig } from '@kubernetes/client-node';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { Command } from 'commander';
import { JSONPath } from 'jsonpath-plus';
import { pino } from 'pino';
import { Counter, Registry } from 'prom-client';
import { RE2JS } from 're2js';
import { parse } from 'yaml';
import * as z from 'zod';

async function bearer(proxyUrl: string): Promise<unknown> {
  const config = new KubeConfig();
  const cluster = { name: 'c', server: 'https://c', skipTLSVerify: false, ...(proxyUrl === '' ? {} : { proxyUrl }) };
  config.loadFromClusterAndUser(cluster, { name: 'u', token: 't' });
  const options: { headers?: unknown } = {};
  await config.applyToHTTPSOptions(options);
  return options.headers;
}

async function outcome(attempt: () => unknown): Promise<unknown> {
  try {
    return await attempt();
  } catch (thrown) {
    return String(thrown);
  }
}

const registry = new Registry();
new Counter({ name: 'probes_total', help: 'Probes.', registers: [registry] }).inc();

const found = {
  credentials: await outcome(() => bearer('')),
  proxy: await outcome(() => bearer('http://proxy')),
  schema: new Ajv2020().compile({ type: 'object' })({}),
  command: new Command('probe').name(),
  path: JSONPath({ path: '$.a.b', json: { a: { b: 1 } }, eval: false }),
  codeInPath: await outcome(() => JSONPath({ path: '$.a[?(@.b)]', json: { a: [{ b: 1 }] }, eval: 'native' })),
  metrics: (await registry.metrics()).includes('probes_total 1'),
  pattern: RE2JS.compile('^a+$').matches('aaa'),
  yaml: await outcome(() => parse('a: 1')),
  type: z.object({ a: z.string() }).safeParse({ a: 1 }).error?.issues[0]?.message,
};
pino({ base: null, timestamp: false }).info(found, 'probed');
