import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, readConfig, secret, secretFile } from './config.js';
import { commonVariables, workerVariables } from './variables.js';

const REGIONS = [
  { slug: 'nyc1', name: 'New York 1', pool: 'volumes-nyc1', hosts: ['host-a'] },
  { slug: 'lon1', name: 'London 1', pool: 'volumes-lon1', hosts: [] },
];
const GOOD = {
  PLUMBLINE_REGIONS: JSON.stringify(REGIONS),
  CONSUL_HTTP_ADDR: 'http://127.0.0.1:8500',
  REDIS_URL: 'redis://127.0.0.1:6379',
  PLUMBLINE_RUN_DIR: '/run/plumbline',
};
const variables = { ...commonVariables('ceph-worker'), ...workerVariables() };

function problemsOf(environment: Record<string, string | undefined>): readonly string[] {
  try {
    readConfig(variables, environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe('configuration', () => {
  it('fills in what is not said', () => {
    const config = readConfig(variables, GOOD);
    expect(config).toMatchObject({
      name: 'ceph-worker',
      logLevel: 'info',
      logPretty: false,
      healthPort: null,
      registryPrefix: 'plumbline/',
      regions: REGIONS,
      concurrency: 16,
      ratePerSecond: 0,
    });
  });

  it('names every wrong variable at once, with what would be right', () => {
    const problems = problemsOf({
      ...GOOD,
      REDIS_URL: undefined,
      PLUMBLINE_HEALTH_PORT: '70000',
      PLUMBLINE_CONCURRENCY: 'many',
      PLUMBLINE_LOG_LEVEL: 'loud',
    });
    expect(problems).toHaveLength(4);
    expect(problems).toContain('PLUMBLINE_HEALTH_PORT is "70000": it must be a port from 1 to 65535');
    expect(problems).toContain('PLUMBLINE_CONCURRENCY is "many": it must be a whole number from 1 to 256');
    expect(problems).toContainEqual(expect.stringMatching(/^REDIS_URL is not set: .*redis:\/\//));
    expect(problems).toContainEqual(expect.stringContaining('one of trace, debug, info'));
  });

  it.each([
    ['{"slug":"nyc1"}', 'JSON like'],
    ['[', 'this is no JSON'],
    ['[]', 'PLUMBLINE_REGIONS'],
    [JSON.stringify([REGIONS[0], REGIONS[0]]), 'same slug'],
    [JSON.stringify([{ ...REGIONS[0], slug: 'NYC/1' }]), '0.slug'],
  ])('refuses the regions %s', (text, words) => {
    expect(problemsOf({ ...GOOD, PLUMBLINE_REGIONS: text }).join()).toContain(words);
  });

  it('never repeats an address that may carry a password', () => {
    expect(problemsOf({ ...GOOD, REDIS_URL: 'reddis://user:hunter2@host' }).join()).not.toContain('hunter2');
  });
});

describe('secrets', () => {
  const directory = mkdtempSync(join(tmpdir(), 'plumbline-config-'));
  const path = join(directory, 'secret');
  afterAll(() => rmSync(directory, { recursive: true }));

  it('come from the file that a variable names, and only then from the variable', () => {
    writeFileSync(path, 'postgres://in-file\n');
    const read = (environment: Record<string, string>) =>
      readConfig({ url: secret('DATABASE_URL') }, environment).url;
    expect(read({ DATABASE_URL_FILE: path, DATABASE_URL: 'postgres://other' })).toBe('postgres://in-file');
    expect(read({ DATABASE_URL: 'postgres://other' })).toBe('postgres://other');
    expect(() => read({})).toThrow(/neither DATABASE_URL_FILE nor DATABASE_URL is set/);
  });

  it('are refused when the file is missing or empty', () => {
    const read = (file: string) => readConfig({ token: secretFile('TOKEN_FILE') }, { TOKEN_FILE: file });
    writeFileSync(path, ' \n');
    expect(() => read(path)).toThrow(/which is empty/);
    expect(() => read(join(directory, 'nowhere'))).toThrow(/TOKEN_FILE .*cannot be read \(ENOENT\)/);
  });
});
