import { createHash, randomUUID } from 'node:crypto';
import type { DiscrepancyRecord } from '@plumbline/domain';
import * as tools from '@plumbline/stack';
import { ByHand, System } from '@plumbline/testing';

const minuteMs = 60_000;
const scrubber = 'scrubber-1';

/** A lane that nobody goes on with, and with no action to its intent. Of another account: one with a lane is not counted. */
function parkedLane(volume: string, account: string): object {
  const entry = {
    intent: randomUUID(),
    kind: 'volume-resize',
    params: { volumeId: volume, region: null, sizeGib: 2 },
    account,
    region: 'nyc1',
    action: 1,
    requestId: 'by-hand',
    recordedAt: 1,
    attempt: null,
    turns: 1,
    tries: 0,
    plan: null,
    ledger: [],
    undoing: null,
    committed: null,
    parked: { reason: 'stranger', detail: 'by hand', at: 1 },
  };
  return { resource: `volume/${volume}`, account, entries: [entry] };
}

/**
 * A person with `consul kv` changes what only our own transactions may: here what is not about one volume alone, or of which
 * nobody can tell what it is about. The rest is in the table of drifts.
 */
describe('what is written into the registry by hand', () => {
  let system: System;
  let hand: ByHand;

  beforeAll(async () => {
    system = await System.start(tools);
    hand = new ByHand(system, tools);
  }, 3 * minuteMs);

  afterAll(() => system.stack.stop(), minuteMs);

  const records = async (): Promise<readonly DiscrepancyRecord[]> =>
    [...(await system.registry('discrepancies/')).values()].map(({ value }) => value as DiscrepancyRecord);
  const standing = async (): Promise<readonly string[]> =>
    (await records())
      .map(({ class: sort, key, remedy, state, volume }) =>
        [state, remedy.name, sort, volume ?? key].join(' '),
      )
      .sort();
  const nameKey = (account: string, name: string): string => {
    const hash = createHash('sha256').update(name).digest('hex');
    return `names/${account}/${system.variable('PLUMBLINE_REGION')}/volume/${hash}`;
  };
  const came = async (lines: readonly string[], what: string): Promise<void> => {
    const sorted = [...lines].sort();
    const isSo = async () => JSON.stringify(await standing()) === JSON.stringify(sorted);
    await tools
      .waitFor(isSo, { what, deadlineMs: 90_000, everyMs: 500 })
      .catch(async () => expect(await standing()).toEqual(sorted));
  };

  it(
    'is told of, as far as it can be read, and nothing is left to be found when a person has set it right',
    async () => {
      const [given, waiting] = [await system.create('given'), await system.create('waiting')];
      expect((await system.ask('DELETE', `/v2/volumes/${waiting}`)).status).toBe(204);
      const account = String(await hand.valueOf(`owners/${given}`));
      const usage = await hand.valueOf(`usage/${account}`);
      const [other, nobodys, noId] = [randomUUID(), randomUUID(), '0f-by-hand'];
      const of = { account, region: system.variable('PLUMBLINE_REGION') };
      const stone = { id: noId, ...of, imageId: '', rev: 1, at: 1 };
      await system.stack.halt(scrubber);
      system.stack.override(scrubber, {
        PLUMBLINE_SCRUB_EVERY_MS: '1000',
        PLUMBLINE_SCRUB_PER_SECOND: '10000',
      });
      await hand.put(nameKey(account, 'given'), nobodys);
      await hand.put(`owners/${noId}`, other);
      await hand.put(`tombstones/${noId}`, JSON.stringify(stone));
      await hand.put(`lanes/volume/${nobodys}`, '{');
      await hand.put(`usage/${account}`, JSON.stringify({ volumes: 77, gib: 78 }));
      await hand.put(`lanes/volume/${waiting}`, JSON.stringify(parkedLane(waiting, other)));
      await system.stack.restore();

      const told = [
        `confirmed name-another different ${given}`,
        `confirmed owner-unknown unexpected ${noId}`,
        `confirmed tombstone-unknown unexpected ${noId}`,
        `confirmed usage-different unexpected ${account}`,
      ];
      // Of a volume with a lane nothing can be told, and one that cannot be read may be anything.
      const unreadable = `lane-broken unexpected volume/${nobodys}`;
      const unshown = `lane-unshown unexpected volume/${waiting}`;
      await came([...told, `confirmed ${unreadable}`, `confirmed ${unshown}`], 'everything to be told of');
      for (const id of [nobodys, waiting]) await hand.put(`lanes/volume/${id}`, null);
      const free = [`confirmed name-unknown unexpected ${nobodys}`, `repaired ${unreadable}`];
      await came(
        [...told, ...free, `repaired ${unshown}`],
        'what was behind an unreadable lane to be told of',
      );

      await hand.put(nameKey(account, 'given'), given);
      await hand.put(`owners/${noId}`, null);
      await hand.put(`tombstones/${noId}`, null);
      await hand.put(`usage/${account}`, JSON.stringify(usage));
      const isDone = async () => (await standing()).every((line) => line.startsWith('repaired'));
      await tools.waitFor(isDone, { what: 'nothing to be wrong', deadlineMs: 90_000 });
      expect(await system.disagreements()).toEqual([]);
    },
    5 * minuteMs,
  );
});
