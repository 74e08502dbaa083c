import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../../..');
const minuteMs = 60_000;

interface Sample {
  done: number;
  failed: Record<string, number>;
  perSecond: number;
  p50Ms: number;
  p95Ms: number;
  p99Ms: number;
  cpuMsPerOperation: Record<string, number>;
}

interface Compared {
  product: Sample[];
  floors: Sample[];
  ratio: number;
}

describe('the benchmark', () => {
  it(
    'measures everything beside its bare part on a stack of its own, makes nothing unasked and leaves nothing behind',
    async () => {
      const folder = mkdtempSync(join(tmpdir(), 'plumbline-bench-test-'));
      chmodSync(folder, 0o755); // PostgreSQL runs as a user of its own and has to get in.
      const json = join(folder, 'results.json');
      try {
        const { code, output } = await bench(folder, '--quick', '--json', json);
        expect([code, output.trimEnd().split('\n').at(-1)]).toEqual([
          0,
          expect.stringMatching(/^Measured .* goals met/),
        ]);
        expect(readdirSync(folder)).toEqual(['results.json']);
        expectSane(JSON.parse(readFileSync(json, 'utf8')) as Results);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
    6 * minuteMs,
  );
});

interface Results {
  rest: { memoryMb: Record<string, number> };
  startMs: Record<string, number>;
  create: { many: Compared; one: Compared; consulOne: Sample[]; imagesUnasked: number };
  get: { get: Sample[]; consul: Sample[] };
  resize: Compared;
  delete: { gone: Sample[]; trashed: Compared };
  list: { recorded: Sample; list: Sample[] };
  goals: { name: string; met: boolean }[];
}

function expectSane({ rest, startMs, create, get, resize, delete: deletion, list, goals }: Results): void {
  const compared = [create.many, create.one, resize, deletion.trashed];
  const samples = [
    ...compared.flatMap(({ product, floors }) => [...product, ...floors]),
    ...[...create.consulOne, ...get.get, ...get.consul, ...deletion.gone, list.recorded, ...list.list],
  ];
  for (const { done, failed, perSecond, p50Ms, p95Ms, p99Ms } of samples) {
    expect(failed).toEqual({});
    expect(Math.min(done, perSecond, p50Ms)).toBeGreaterThan(0);
    expect([p50Ms <= p95Ms, p95Ms <= p99Ms]).toEqual([true, true]);
  }
  // A ratio of more than one would mean that the bare part was not bare, or that work was done before it was asked for.
  for (const { ratio } of compared) expect([ratio > 0, ratio < 1]).toEqual([true, true]);
  expect(create.imagesUnasked).toBe(0);
  const worker = 'ceph-worker-1';
  expect(create.many.product[0]?.cpuMsPerOperation[worker]).toBeGreaterThan(0);
  for (const name of ['api', worker]) {
    expect(rest.memoryMb[name]).toBeGreaterThan(20);
    expect(startMs[name]).toBeGreaterThan(50);
  }
  expect(goals.length).toBeGreaterThan(10);
}

/** The command, as a person runs it. Its stack goes where temporary things go: into the folder. */
async function bench(folder: string, ...args: string[]): Promise<{ code: number | null; output: string }> {
  const child = spawn(join(root, 'tools/bench'), args, { env: { ...process.env, TMPDIR: folder } });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (part: Buffer) => (output += part.toString()));
  const code = await new Promise<number | null>((done) => child.once('close', (status) => done(status)));
  return { code, output };
}
