import { EngineError, InvariantError } from '@plumbline/domain';
import type { z } from 'zod';
import { QmpRefusal, held, refused } from './errors.js';
import type { Monitor } from './monitor.js';
import type { OpenCalls } from './open-calls.js';
import { blockStatsReply, isNamed, namedNodesReply, openImagesOf, unreadableOf } from './open-images.js';
import type { OpenImage } from './open-images.js';
import { isSettled, pluggedDisksOf, qomListReply, queryBlockReply } from './plugged-disks.js';
import type { PluggedDisk } from './plugged-disks.js';

export interface Deadlines {
  /** A monitor's greeting, after connecting. */
  readonly greetingMs: number;
  /** A question, with the wait for those before it. */
  readonly askMs: number;
  /** A change, with the wait for those before it. Opening an image takes as long as Ceph takes. */
  readonly changeMs: number;
  /** How long one call waits for a guest to let go of a disk before it asks to be called again. */
  readonly unplugMs: number;
}

/** What a VM is asked and told, in QMP's words. */
export class Vm {
  constructor(
    private readonly monitor: Monitor,
    private readonly settings: {
      deadlines: Deadlines;
      open: OpenCalls;
      mayOpenImages: (signal: AbortSignal) => Promise<void>;
    },
  ) {}

  /** Names of all block nodes. */
  async nodes(signal: AbortSignal): Promise<Set<string>> {
    const args = { 'query-nodes': true };
    const stats = await this.ask('query-blockstats', args, { reply: blockStatsReply, signal });
    return new Set(stats.map((node) => node['node-name'] ?? ''));
  }

  /**
   * The images that the VM has open. The one question that tells them all makes QEMU read the head of each, and so wait
   * for Ceph: it is only asked when some node is not the drive of a device, which tells of it without reading anything.
   */
  async images(signal: AbortSignal): Promise<OpenImage[]> {
    const nodes = await this.nodes(signal);
    const blocks = await this.ask('query-block', {}, { reply: queryBlockReply, signal });
    const drives = openImagesOf(blocks.flatMap(({ inserted }) => inserted ?? []));
    for (const { inserted } of blocks) nodes.delete(inserted?.['node-name'] ?? '');
    if (![...nodes].some(isNamed)) return drives;
    const question = 'query-named-block-nodes';
    await this.expectCeph(question, signal);
    try {
      return openImagesOf(await this.ask(question, { flat: true }, { reply: namedNodesReply, signal }));
    } catch (error) {
      if (!(error instanceof EngineError && error.cause instanceof QmpRefusal)) throw error;
      return [...drives, ...unreadableOf(nodes)];
    }
  }

  /** Asked a second time when the two answers that make the picture do not fit together: then it is believed. */
  async disks(signal: AbortSignal): Promise<PluggedDisk[]> {
    const disks = await this.disksOnce(signal);
    return isSettled(disks) ? disks : this.disksOnce(signal);
  }

  private async disksOnce(signal: AbortSignal): Promise<PluggedDisk[]> {
    const path = { path: '/machine/peripheral' };
    const peripherals = await this.ask('qom-list', path, { reply: qomListReply, signal });
    const blocks = await this.ask('query-block', {}, { reply: queryBlockReply, signal });
    return pluggedDisksOf({ peripherals, blocks });
  }

  /**
   * Resolves with null when QEMU did it, with its refusal when it did not. Every change may make QEMU wait for Ceph,
   * unplugging and the first look at a new disk included, and a QEMU that waits answers nobody: hence the guard.
   */
  async change(
    key: string,
    command: { name: string; args: object },
    signal: AbortSignal,
  ): Promise<QmpRefusal | null> {
    await this.expectCeph(command.name, signal);
    const { deadlines, open } = this.settings;
    const { outcome, ended } = this.monitor.run({
      ...command,
      changes: true,
      deadlineMs: deadlines.changeMs,
      signal,
    });
    open.note(key, ended);
    try {
      await outcome;
      return null;
    } catch (error) {
      if (error instanceof QmpRefusal) return error;
      throw error;
    }
  }

  /** Calls `check` at once, after each sign of life of that device and now and then, until it is true or time is up. */
  async untilDevice(
    name: string,
    { check, everyMs, forMs }: { check: () => Promise<boolean>; everyMs: number; forMs: number },
  ): Promise<boolean> {
    let wake = () => {};
    let noticed = false;
    const stop = this.monitor.listen(({ event, data }) => {
      if (event !== 'DEVICE_DELETED' || (data as { device?: unknown } | undefined)?.device !== name) return;
      noticed = true;
      wake();
    });
    try {
      for (let waitedMs = 0; !(await check()); waitedMs += everyMs) {
        if (waitedMs >= forMs) return false;
        if (!noticed) await paused(everyMs, (resume) => (wake = resume));
        noticed = false;
      }
      return true;
    } finally {
      stop();
    }
  }

  private async expectCeph(what: string, signal: AbortSignal): Promise<void> {
    try {
      await this.settings.mayOpenImages(signal);
    } catch (error) {
      throw held(what, { reason: 'ceph-silent', because: 'Ceph does not answer', cause: error });
    }
  }

  private async ask<T>(
    name: string,
    args: object,
    { reply, signal }: { reply: z.ZodType<T>; signal: AbortSignal },
  ): Promise<T> {
    const { askMs: deadlineMs } = this.settings.deadlines;
    const answer = await this.monitor
      .run({ name, args, changes: false, deadlineMs, signal })
      .outcome.catch((error: unknown) => {
        throw error instanceof QmpRefusal ? refused(name, error) : error;
      });
    const { success, data, error } = reply.safeParse(answer);
    if (success) return data;
    throw new InvariantError(`QEMU answered ${name} in a form that we do not know`, {
      reason: 'qmp-form',
      cause: error,
    });
  }
}

/** Ends after a time, or when `resume` is called. */
function paused(ms: number, onPause: (resume: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    onPause(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
