import * as tools from '@plumbline/stack';
import { System } from '@plumbline/testing';
import type { Recorded } from '@plumbline/testing';

const minuteMs = 60_000;
/** A dead boot is silent for 8 s and then fenced, its lanes rung at once; a busy machine takes a little longer. */
const takenOverMs = 20_000;
/** A stopped worker may use 15 s to end, and hands back what it cannot finish. */
const stoppedMs = 15_000;
const workers = ['ceph-worker-1', 'ceph-worker-2'];
const roundsMax = 5;

describe('workers that come and go in the middle of work', () => {
  let system: System;

  beforeAll(async () => {
    system = await System.start(tools, { workers: { 'ceph-worker': 2 } });
  }, 3 * minuteMs);

  afterAll(() => system.stack.stop(), minuteMs);

  const heldBy = async (boots: readonly string[]): Promise<number> =>
    (await system.lanes()).filter(({ entries: [head] }) => boots.includes(head?.attempt?.boot ?? '')).length;

  /** The one boot of a process: a killed predecessor's is there until it was fenced. */
  const bootOf = async (name: string): Promise<string> => {
    await tools.waitFor(async () => (await system.bootsOf(name)).length === 1, {
      what: `one boot of ${name}`,
      deadlineMs: takenOverMs,
    });
    const [boot = ''] = await system.bootsOf(name);
    return boot;
  };

  /** True when the boot was seen at work; false when all was carried out before anybody could see it. */
  const seenAtWork = async (boot: string, recording: Promise<unknown>): Promise<boolean> => {
    let isRecorded = false;
    const ends = () => (isRecorded = true);
    void recording.then(ends, ends);
    let seen = false;
    await tools.waitFor(
      async () => {
        const wasRecorded = isRecorded;
        const lanes = await system.lanes();
        seen = lanes.some(({ entries: [head] }) => head?.attempt?.boot === boot);
        return seen || (wasRecorded && lanes.length === 0);
      },
      { what: 'the worker to be at work', everyMs: 1 },
    );
    return seen;
  };

  /**
   * Ends a worker while it is at work on a hundred creates; answers what it left behind. Whether it was in the middle can
   * only be seen afterwards, so a round that was too early or too late is followed by another.
   */
  const inTheMiddle = async (
    prefix: string,
    { boot, end }: { boot: string; end: () => Promise<void> },
  ): Promise<{ recorded: readonly Recorded[]; held: number }> => {
    const all: Recorded[] = [];
    for (let round = 0; round < roundsMax; round += 1) {
      const recording = system.recordMany(`${prefix}-${round}`, 100);
      const seen = await seenAtWork(boot, recording);
      if (seen) await end();
      const held = await heldBy([boot]);
      all.push(...(await recording));
      if (seen) return { recorded: all, held };
    }
    throw new Error(`in ${roundsMax} rounds the worker was never seen at work`);
  };

  it(
    'carries a hundred creates to their end when one worker is killed, without starting it again',
    async () => {
      const all: Recorded[] = [];
      for (let round = 0, held = 0; held === 0; round += 1) {
        expect(round).toBeLessThan(roundsMax);
        await system.stack.restore();
        const boot = await bootOf('ceph-worker-1');
        const one = await inTheMiddle(`killed-${round}`, {
          boot,
          end: () => system.stack.kill('ceph-worker-1'),
        });
        held = one.held;
        all.push(...one.recorded);
      }
      await system.completed(
        all.map(({ action }) => action),
        takenOverMs,
      );
      expect(await system.bootsOf('ceph-worker-1')).toEqual([]);
      expect(await system.images()).toHaveLength(all.length);
      expect(await system.disagreements()).toEqual([]);
    },
    3 * minuteMs,
  );

  it(
    'hands back what it has in hand when a worker is told to end, and the other finishes it soon',
    async () => {
      await system.stack.restore();
      const boot = await bootOf('ceph-worker-1');
      const began = performance.now();
      const end = () => system.stack.halt('ceph-worker-1');
      const { held, recorded } = await inTheMiddle('handed-back', { boot, end });
      expect(performance.now() - began).toBeLessThan(stoppedMs);
      expect(held).toBe(0);
      expect(await system.bootsOf('ceph-worker-1')).toEqual([]);
      await system.completed(
        recorded.map(({ action }) => action),
        stoppedMs,
      );
      expect(await system.disagreements()).toEqual([]);
    },
    2 * minuteMs,
  );

  it(
    'ends an attach whose worker was killed while QEMU did not answer',
    async () => {
      const id = await system.create('attached');
      const boot = await bootOf('qemu-worker');
      system.stack.pause('vm-1');
      const action = await system
        .begin(id, { type: 'attach', droplet_id: Number(system.variable('PLUMBLINE_VM')) })
        .then(async (asked) => {
          await tools.waitFor(async () => (await heldBy([boot])) > 0, { what: 'the attach to be under way' });
          await system.stack.kill('qemu-worker');
          return asked;
        })
        .finally(() => system.stack.resume('vm-1'));
      await system.stack.restore();
      await system.completed([action], takenOverMs);
      expect(await system.disagreements()).toEqual([]);
      const serial = system.variable('PLUMBLINE_VM_SERIAL');
      await tools.waitFor(async () => (await tools.guestDisks(serial)).length === 1, {
        what: 'the disk in the guest',
      });
    },
    2 * minuteMs,
  );

  it(
    'ends a detach whose worker was killed while QEMU did not answer',
    async () => {
      const id = await system.create('detached');
      const droplet_id = Number(system.variable('PLUMBLINE_VM_2'));
      await system.act(id, { type: 'attach', droplet_id });
      const boot = await bootOf('qemu-worker');
      system.stack.pause('vm-2');
      const action = await system
        .begin(id, { type: 'detach', droplet_id })
        .then(async (asked) => {
          await tools.waitFor(async () => (await heldBy([boot])) > 0, { what: 'the detach to be under way' });
          await system.stack.kill('qemu-worker');
          expect((await system.volume(id)).droplet_ids).toEqual([droplet_id]);
          return asked;
        })
        .finally(() => system.stack.resume('vm-2'));
      await system.stack.restore();
      await system.completed([action], takenOverMs);
      expect((await system.volume(id)).droplet_ids).toEqual([]);
      expect(await system.disagreements()).toEqual([]);
    },
    2 * minuteMs,
  );

  it(
    'spreads two hundred creates at once over three workers',
    async () => {
      await system.stack.scale('ceph-worker', 3);
      const three = [...workers, 'ceph-worker-3'];
      const jobs = () => Promise.all(three.map((name) => system.jobsDone(name, 'ceph')));
      const before = await jobs();
      const images = (await system.images()).length;
      const names = Array.from({ length: 200 }, (_, n) => `spread-${n}`);
      const ids = await Promise.all(names.map((name) => system.create(name)));
      expect(new Set(ids).size).toBe(200);
      const done = (await jobs()).map((count, n) => count - (before[n] ?? 0));
      expect(done.reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(200);
      for (const count of done) expect(count).toBeGreaterThan(20);
      expect(await system.images()).toHaveLength(images + 200);
      expect(await system.disagreements()).toEqual([]);
    },
    2 * minuteMs,
  );
});
