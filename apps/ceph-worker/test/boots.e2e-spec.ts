import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import * as tools from '@plumbline/stack';
import { System } from '@plumbline/testing';
import type { Recorded } from '@plumbline/testing';

const minuteMs = 60_000;
/** A boot is silent for 8 s and then fenced, its lanes rung at once; a busy machine takes a little longer. */
const takenOverMs = 20_000;
const worker = 'ceph-worker-1';
const roundsMax = 5;
/** Long enough to have written, and so to hold the image's lock. */
const lockedBytes = '4K';

/** Two lives of one name, one asleep or both awake; and a call that hangs in a life that goes on. */
describe('boots of one name', () => {
  let system: System;
  const children: ChildProcess[] = [];

  beforeAll(async () => {
    system = await System.start(tools);
  }, 3 * minuteMs);

  afterAll(async () => {
    for (const child of children) child.kill('SIGKILL');
    await system.stack.stop();
  }, minuteMs);

  const heldBy = async (boot: string): Promise<number> =>
    (await system.lanes()).filter(({ entries: [head] }) => head?.attempt?.boot === boot).length;

  const bootsOf = async (count: number): Promise<readonly string[]> => {
    await tools.waitFor(async () => (await system.bootsOf(worker)).length === count, {
      what: `${count} boots of ${worker}`,
    });
    return system.bootsOf(worker);
  };

  /** True when the boot was seen at work; false when all was carried out before anybody could see it. */
  const seenAtWork = async (boot: string, recording: Promise<unknown>): Promise<boolean> => {
    let isRecorded = false;
    void recording.finally(() => (isRecorded = true));
    let isSeen = false;
    await tools.waitFor(
      async () => {
        const wasRecorded = isRecorded;
        const lanes = await system.lanes();
        isSeen = lanes.some(({ entries: [head] }) => head?.attempt?.boot === boot);
        return isSeen || (wasRecorded && lanes.length === 0);
      },
      { what: 'the worker to be at work', everyMs: 1 },
    );
    return isSeen;
  };

  /** Stops the worker while it is at work on a hundred creates; one that came too late goes on, and another round follows. */
  const stopAtWork = async (boot: string, pid: number): Promise<readonly Recorded[]> => {
    const all: Recorded[] = [];
    for (let round = 0; round < roundsMax; round += 1) {
      const recording = system.recordMany(`struck-${randomUUID()}`, 100);
      const isSeen = await seenAtWork(boot, recording);
      process.kill(pid, 'SIGSTOP');
      const held = isSeen ? await heldBy(boot) : 0;
      if (held === 0) process.kill(pid, 'SIGCONT');
      all.push(...(await recording));
      if (held > 0) return all;
    }
    throw new Error(`in ${roundsMax} rounds the worker was never stopped at work`);
  };

  const actionsOf = (recorded: readonly Recorded[]) => recorded.map(({ action }) => action);
  let twin: string;

  it(
    'ends one that slept while its successor settled what it had begun, and nothing of it lands late',
    async () => {
      const [boot = ''] = await bootsOf(1);
      const { pid } = system.stack.process(worker);
      const recorded = await stopAtWork(boot, pid);
      twin = await system.stack.twin(worker);
      await system.completed(actionsOf(recorded), takenOverMs + minuteMs / 2);
      const settled = await system.recorded();
      const images = await system.images();
      expect(await bootsOf(1)).not.toContain(boot);
      process.kill(pid, 'SIGCONT');
      await tools.waitFor(
        async () =>
          (await system.stack.status()).some(({ name, state }) => name === worker && state === 'dead'),
        { what: 'the end of the one that slept' },
      );
      expect(system.logged(worker)).toMatch(/it was fenced|was blocklisted/);
      expect(await system.recorded()).toEqual(settled);
      expect(await system.images()).toEqual(images);
      expect(await system.disagreements()).toEqual([]);
    },
    3 * minuteMs,
  );

  it(
    'lets two live side by side, each with its own lanes, until one of them dies',
    async () => {
      const [first = ''] = await bootsOf(1);
      await system.stack.restore();
      const [second = ''] = (await bootsOf(2)).filter((boot) => boot !== first);
      const recorded = await system.recordMany('side-by-side', 200);
      await system.completed(actionsOf(recorded));
      expect([...(await bootsOf(2))].sort()).toEqual([first, second].sort());
      // The twin was there first; the younger one ends, and what it had in hand is the twin's.
      const { pid } = system.stack.process(worker);
      const struck = await stopAtWork(second, pid);
      process.kill(pid, 'SIGKILL');
      await system.completed(actionsOf(struck), takenOverMs + minuteMs / 2);
      expect(await bootsOf(1)).toEqual([first]);
      expect([system.stack.isAlive(twin), await system.disagreements()]).toEqual([true, []]);
    },
    3 * minuteMs,
  );

  it(
    'lets all other lanes go on while one call hangs, and ends nobody for it',
    async () => {
      const id = await system.create('hanging');
      const { ceph, image } = { ceph: system.variable('CEPH_CONF'), image: `volume-${id}` };
      const path = `${system.variable('PLUMBLINE_POOL')}/${image}`;
      const bench = ['bench', '--io-type', 'write', '--io-size', lockedBytes, '--io-total', '1T', path];
      const holder = spawn('rbd', ['-c', ceph, ...bench], { stdio: ['ignore', 'pipe', 'ignore'] });
      children.push(holder);
      // It prints what it has written, second by second: then it has the image's lock, and never answers for it again.
      await new Promise<void>((resolve) =>
        holder.stdout.on('data', (text) => /\d+ +\d+/.test(String(text)) && resolve()),
      );
      holder.kill('SIGSTOP');
      const before = await bootsOf(1);
      const grow = await system.begin(id, { type: 'resize', size_gigabytes: 2 });
      await tools.waitFor(async () => (await heldBy(before[0] ?? '')) > 0, { what: 'the call to hang' });
      const names = Array.from({ length: 40 }, (_, n) => `meanwhile-${n}`);
      const began = performance.now();
      await Promise.all(names.map((name) => system.create(name)));
      const tookMs = performance.now() - began;
      expect([await heldBy(before[0] ?? ''), tookMs < takenOverMs]).toEqual([1, true]);
      holder.kill('SIGKILL');
      await system.completed([grow], 2 * minuteMs);
      expect(await bootsOf(1)).toEqual(before);
      expect(await system.disagreements()).toEqual([]);
    },
    4 * minuteMs,
  );
});
