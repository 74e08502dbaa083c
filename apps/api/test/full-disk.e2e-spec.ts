import { execFileSync } from 'node:child_process';
import { appendFileSync, cpSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as tools from '@plumbline/stack';
import { System } from '@plumbline/testing';
import type { Answer } from '@plumbline/testing';

const minuteMs = 60_000;
/** A registry that does not answer is asked again before it is given up. */
const givenUpMs = 20_000;
const roundsMax = 40;
const askedPerRound = 50;
const mibytes = 1024 ** 2;
const apps = ['api', 'ceph-worker-1', 'qemu-worker', 'billing-worker-1', 'scrubber-1'];

/** A part's data on a disk of its own, small enough to be filled. Needs the right to mount, as the parts need root. */
class SmallDisk {
  private constructor(
    private readonly system: System,
    private readonly part: string,
    private readonly path: string,
  ) {}

  static async under(system: System, part: string, sizeMib: number): Promise<SmallDisk> {
    const path = join(dirname(system.stack.stack.layout.logs), part);
    const aside = `${path}.aside`;
    const { gid, mode, uid } = statSync(path);
    await system.stack.halt(part);
    renameSync(path, aside);
    mkdirSync(path);
    const how = `size=${sizeMib}m,uid=${uid},gid=${gid},mode=${(mode & 0o777).toString(8)}`;
    execFileSync('mount', ['-t', 'tmpfs', '-o', how, 'tmpfs', path]);
    execFileSync('cp', ['-a', `${aside}/.`, path]);
    rmSync(aside, { recursive: true });
    await system.stack.start(part);
    return new SmallDisk(system, part, path);
  }

  private get ballast(): string {
    return join(this.path, 'ballast');
  }

  fill(): void {
    const piece = Buffer.alloc(mibytes);
    for (let size = piece.length; size > 0; size = Math.floor(size / 2)) {
      while (isWritten(this.ballast, piece.subarray(0, size)));
    }
  }

  empty(): void {
    rmSync(this.ballast, { force: true });
  }

  /** Gives the part its usual disk again. */
  async remove(): Promise<void> {
    this.empty();
    if (this.system.stack.isAlive(this.part)) await this.system.stack.halt(this.part);
    const aside = `${this.path}.aside`;
    cpSync(this.path, aside, { recursive: true, preserveTimestamps: true });
    const { gid, uid } = statSync(this.path);
    execFileSync('chown', ['-R', `${uid}:${gid}`, aside]);
    execFileSync('umount', [this.path]);
    rmSync(this.path, { recursive: true });
    renameSync(aside, this.path);
  }
}

function isWritten(path: string, bytes: Uint8Array): boolean {
  try {
    appendFileSync(path, bytes);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return false;
    throw error;
  }
}

describe('a system of which a disk is full', () => {
  let system: System;

  beforeAll(async () => {
    system = await System.start(tools);
    expect(await system.disagreements()).toEqual([]);
  }, 5 * minuteMs);

  afterAll(() => system.stack.stop(), minuteMs);

  /** Fills the disk of a part meanwhile. All of our processes must live through it, and nobody be fenced for it. */
  const withFullDisk = async (part: string, sizeMib: number, work: () => Promise<void>): Promise<void> => {
    const lives = () =>
      Promise.all(
        apps.map(async (name) => [name, system.stack.process(name).pid, await system.bootsOf(name)]),
      );
    const disk = await SmallDisk.under(system, part, sizeMib);
    try {
      expect(await system.disagreements()).toEqual([]);
      const before = await lives();
      disk.fill();
      await work();
      disk.empty();
      await system.stack.restore();
      expect(await system.disagreements()).toEqual([]);
      expect(await lives()).toEqual(before);
    } finally {
      await disk.remove();
      await system.stack.restore();
    }
    expect(await system.disagreements()).toEqual([]);
  };

  const names = async (): Promise<ReadonlySet<string>> =>
    new Set(
      [...(await system.registry())]
        .filter(([key]) => key.startsWith('volumes/'))
        .map(([, { value }]) => (value as { name: string }).name),
    );
  type Asked = readonly [name: string, answer: Answer<{ message?: string }>];
  /** As many requests as it takes until one meets the full disk. */
  const askUntil = async (
    isMet: (asked: readonly Asked[]) => boolean,
    prefix: string,
  ): Promise<readonly Asked[]> => {
    const all: Asked[] = [];
    for (let round = 0; !isMet(all); round += 1) {
      expect(round).toBeLessThan(roundsMax);
      const asked = Array.from({ length: askedPerRound }, async (_, n): Promise<Asked> => {
        const body = system.wish(`${prefix}-${round}-${n}`);
        return [
          body.name,
          await system.ask('POST', '/v2/volumes', { body, headers: { prefer: 'respond-async' } }),
        ];
      });
      all.push(...(await Promise.all(asked)));
    }
    return all;
  };

  it(
    'refuses in time what the registry cannot keep, loses nothing that it kept, and goes on by itself',
    async () => {
      let asked: readonly Asked[] = [];
      await withFullDisk('consul', 24, async () => {
        asked = await askUntil((all) => all.some(([, { status }]) => status !== 202), 'registry');
      });
      const made = await names();
      for (const [name, { body, status, tookMs }] of asked) {
        expect(tookMs).toBeLessThan(givenUpMs);
        expect([202, 503]).toContain(status);
        if (status === 202) expect([name, made.has(name)]).toEqual([name, true]);
        else if (!body.message?.includes('(outcome_unknown)'))
          expect([name, made.has(name)]).toEqual([name, false]);
      }
    },
    5 * minuteMs,
  );

  it(
    'records as usual while the disk of Redis is full, and carries it out afterwards',
    async () => {
      let asked: readonly Asked[] = [];
      await withFullDisk('redis', 8, async () => {
        // Of a write that fits in part it tells otherwise, and then nothing for half a minute.
        const isRefusing = () => /Short write|No space left on device/.test(system.logged('redis'));
        asked = await askUntil(isRefusing, 'doorbell');
      });
      const made = await names();
      for (const [name, { status }] of asked)
        expect([name, status, made.has(name)]).toEqual([name, 202, true]);
    },
    5 * minuteMs,
  );

  it(
    'makes volumes as usual while the disk of PostgreSQL is full, and billing learns of each afterwards',
    async () => {
      let asked: readonly Asked[] = [];
      await withFullDisk('postgres', 96, async () => {
        const isFull = () => /No space left on device/.test(system.logged('postgres'));
        asked = await askUntil(isFull, 'billed');
        await system.completed(
          asked.map(([, { body }]) => (body as { action: { id: number } }).action.id),
          2 * minuteMs,
        );
      });
      const made = await names();
      for (const [name, { status }] of asked)
        expect([name, status, made.has(name)]).toEqual([name, 202, true]);
    },
    5 * minuteMs,
  );
});
