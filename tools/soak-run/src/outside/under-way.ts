import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { phases, type Phase } from '../reached.js';
import { within } from '../within.js';

const LOOK_EVERY_MS = 200;
const ASK_MS = 1_000;

const lanes = z.array(z.object({ Key: z.string(), Value: z.string() }));
const lane = z.object({
  entries: z.array(z.object({ kind: z.string(), parked: z.unknown(), turns: z.number() })),
});

/** Watches, outside the product, what is under way: the heads of the lanes, by their kind. */
export class UnderWay {
  private last: ReadonlySet<Phase> = new Set(['idle']);
  private ended = false;
  private readonly loop: Promise<void>;

  constructor(
    private readonly consul: string,
    private readonly seen: (now: ReadonlySet<Phase>) => void,
  ) {
    this.loop = this.watch();
  }

  /** What was under way at the last look that was answered. */
  get now(): ReadonlySet<Phase> {
    return this.last;
  }

  async end(): Promise<void> {
    this.ended = true;
    await this.loop;
  }

  private async watch(): Promise<void> {
    while (!this.ended) {
      const found = await lookAtLanes(this.consul).catch(() => null);
      if (found !== null) {
        this.last = found;
        this.seen(found);
      }
      await sleep(LOOK_EVERY_MS);
    }
  }
}

/** The kinds at the heads of the lanes that are not parked; `idle` when there is none. */
export async function lookAtLanes(consul: string): Promise<ReadonlySet<Phase>> {
  const found = await within(ASK_MS, async (signal) => {
    const answer = await fetch(`${consul}/v1/kv/plumbline/lanes/?recurse&stale`, { signal });
    return answer.status === 404 ? [] : lanes.parse(await answer.json());
  });
  const heads = found.flatMap(({ Value }) => {
    const { entries } = lane.parse(JSON.parse(Buffer.from(Value, 'base64').toString('utf8')));
    return entries.slice(0, 1);
  });
  const kinds = heads.filter(({ parked }) => parked === null).map(({ kind }) => kind.replace('volume-', ''));
  return new Set(phases.filter((phase) => (phase === 'idle' ? kinds.length === 0 : kinds.includes(phase))));
}
