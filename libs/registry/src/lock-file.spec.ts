import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BootId } from '@plumbline/domain';
import { takeLock } from './lock-file.js';

const newBoot = (): BootId => randomUUID() as BootId;

describe('the lock file of a process', () => {
  let runDir: string;
  beforeEach(async () => {
    runDir = await mkdtemp(join(tmpdir(), 'lock-'));
  });
  afterEach(() => rm(runDir, { recursive: true }));

  const lockOf = async (): Promise<Record<string, unknown>> =>
    JSON.parse(await readFile(join(runDir, 'worker-1.lock'), 'utf8')) as Record<string, unknown>;
  const alter = async (change: Record<string, unknown>): Promise<void> =>
    writeFile(join(runDir, 'worker-1.lock'), JSON.stringify({ ...(await lockOf()), ...change }));
  const take = (boot = newBoot()) => takeLock({ runDir, name: 'worker-1', boot });

  it('proves nothing of a process that lives', async () => {
    await take();
    expect((await take()).deadPredecessor).toBeNull();
  });

  it('proves a predecessor dead whose process is gone', async () => {
    const boot = newBoot();
    await take(boot);
    const process = spawn('true');
    await once(process, 'exit');
    await alter({ pid: process.pid });
    expect((await take()).deadPredecessor).toBe(boot);
  });

  it('is not deceived by another process with the number of the dead one', async () => {
    const boot = newBoot();
    await take(boot);
    await alter({ startedAtTicks: '1' });
    expect((await take()).deadPredecessor).toBe(boot);
  });

  it.each([{ hostname: 'another-host' }, { namespace: 'pid:[1]' }])(
    'proves nothing from elsewhere: %p',
    async (where) => {
      await take();
      await alter({ ...where, startedAtTicks: '1' });
      expect((await take()).deadPredecessor).toBeNull();
    },
  );

  it('takes a file that was cut short for none, and leaves none after a clean end', async () => {
    const lock = await take();
    await writeFile(join(runDir, 'worker-1.lock'), '{"boot":"');
    const next = await take();
    expect(next.deadPredecessor).toBeNull();
    await lock.release();
    expect(await lockOf()).toHaveProperty('boot');
    await next.release();
    await expect(lockOf()).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
