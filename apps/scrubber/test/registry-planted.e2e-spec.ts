import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import type { ActionRecord, DiscrepancyRecord, VmRecord } from '@plumbline/domain';
import * as tools from '@plumbline/stack';
import { System } from '@plumbline/testing';

const run = promisify(execFile);
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

/** A person with `consul kv` changes what only our own transactions may, and one with `rbd` leaves something in the trash. */
describe('what is written into the registry by hand', () => {
  let system: System;

  beforeAll(async () => {
    system = await System.start(tools);
  }, 3 * minuteMs);

  afterAll(() => system.stack.stop(), minuteMs);

  const put = async (key: string, value: string | null): Promise<void> => {
    const url = `${system.variable('CONSUL_HTTP_ADDR')}/v1/kv/plumbline/${key}`;
    const answer = await fetch(url, value === null ? { method: 'DELETE' } : { method: 'PUT', body: value });
    expect(await answer.text()).toBe('true');
  };
  const valueOf = async (key: string) => (await system.registry()).get(key)?.value;
  const records = async (): Promise<readonly DiscrepancyRecord[]> =>
    [...(await system.registry())]
      .filter(([key]) => key.startsWith('discrepancies/'))
      .map(([, { value }]) => value as DiscrepancyRecord);
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
  const vmKey = (name: 'VM' | 'VM_2') => `vms/${system.variable(`PLUMBLINE_${name}`).padStart(10, '0')}`;
  const slot = async (vm: 'VM' | 'VM_2', volume: string, to: string | undefined): Promise<void> => {
    const record = (await valueOf(vmKey(vm))) as VmRecord;
    await put(vmKey(vm), JSON.stringify({ ...record, slots: { ...record.slots, [volume]: to } }));
  };
  /** The action that made it is in progress again; and not as if it had ended once, if its mark in the volume's list goes too. */
  const setBack = async (volume: string, mark: 'stays' | 'goes'): Promise<string> => {
    const [listed = ''] = [...(await system.registry()).keys()].filter((key) =>
      key.startsWith(`volume-actions/${volume}/`),
    );
    const key = `actions/${String(await valueOf(listed))}/${listed.split('/').at(-1)}`;
    const action = (await valueOf(key)) as ActionRecord;
    await put(key, JSON.stringify({ ...action, status: 'in-progress', completedAt: null, revAfter: null }));
    if (mark === 'goes') await put(listed, null);
    return key;
  };
  const rbd = (...args: string[]) => run('rbd', ['-c', system.variable('CEPH_CONF'), ...args]);

  it(
    'is found, class by class, repaired or told of, and nothing is left to be found then',
    async () => {
      const names =
        'unnamed given renamed ownerless disowned slotless reserved elsewhere buried left polled undated unshown'.split(
          ' ',
        );
      const made = await Promise.all(names.map(async (name) => [name, await system.create(name)] as const));
      const of = (name: string) => made.find(([one]) => one === name)?.[1] ?? '';
      for (const name of ['slotless', 'reserved'])
        await system.act(of(name), { type: 'attach', droplet_id: Number(system.variable('PLUMBLINE_VM')) });
      for (const name of ['left', 'unshown'])
        expect((await system.ask('DELETE', `/v2/volumes/${of(name)}`)).status).toBe(204);
      expect(await system.disagreements()).toEqual([]);

      const account = String(await valueOf(`owners/${of('unnamed')}`));
      const usage = await valueOf(`usage/${account}`);
      const [other, nobodys, noId] = [randomUUID(), randomUUID(), '0f-by-hand'];
      const stone = {
        id: of('buried'),
        account,
        region: system.variable('PLUMBLINE_REGION'),
        imageId: '',
        rev: 1,
        at: 1,
      };
      const trashed = `${system.variable('PLUMBLINE_POOL')}/volume-${nobodys}`;
      await system.stack.halt(scrubber);
      system.stack.override(scrubber, {
        PLUMBLINE_SCRUB_EVERY_MS: '1000',
        PLUMBLINE_SCRUB_PER_SECOND: '10000',
      });
      await put(nameKey(account, 'unnamed'), null);
      await put(nameKey(account, 'given'), nobodys);
      await put(nameKey(account, 'another-one'), of('renamed'));
      await put(nameKey(account, 'left'), of('left'));
      await put(nameKey(account, 'nobodys'), nobodys);
      await put(`owners/${of('ownerless')}`, null);
      await put(`owners/${of('disowned')}`, other);
      await put(`owners/${noId}`, other);
      await slot('VM', of('slotless'), undefined);
      await slot('VM', of('reserved'), 'reserved');
      await slot('VM_2', of('elsewhere'), 'attached');
      await slot('VM_2', nobodys, 'attached');
      await put(`tombstones/${of('buried')}`, JSON.stringify(stone));
      await put(`tombstones/${noId}`, JSON.stringify({ ...stone, id: noId }));
      await put(`lanes/volume/${nobodys}`, '{');
      await put(`lanes/volume/${of('unshown')}`, JSON.stringify(parkedLane(of('unshown'), other)));
      await put(`usage/${account}`, JSON.stringify({ volumes: 77, gib: 78 }));
      const polled = await setBack(of('polled'), 'goes');
      const undated = await setBack(of('undated'), 'stays');
      await rbd('create', '--size', '1G', trashed);
      await rbd('trash', 'mv', trashed);
      await system.stack.restore();

      const told = [
        `confirmed lane-broken unexpected volume/${nobodys}`,
        `confirmed lane-unshown unexpected volume/${of('unshown')}`,
        `confirmed action-unknown unexpected ${of('undated')}`,
        `confirmed name-another different ${of('given')}`,
        `confirmed owner-unknown unexpected ${noId}`,
        `confirmed tombstone-unknown unexpected ${noId}`,
        `confirmed usage-different unexpected ${account}`,
      ];
      const repaired = [
        `repaired action-stuck unexpected ${of('polled')}`,
        `repaired name-lost missing ${of('unnamed')}`,
        `repaired name-left unexpected ${of('renamed')}`,
        `repaired name-left unexpected ${of('left')}`,
        `repaired owner-lost missing ${of('ownerless')}`,
        `repaired owner-another different ${of('disowned')}`,
        `repaired slot-lost missing ${of('slotless')}`,
        `repaired slot-different different ${of('reserved')}`,
        `repaired slot-left unexpected ${of('elsewhere')}`,
        `repaired tombstone-beside unexpected ${of('buried')}`,
      ];
      const came = async (lines: readonly string[], what: string): Promise<void> => {
        const sorted = [...lines].sort();
        const isSo = async () => JSON.stringify(await standing()) === JSON.stringify(sorted);
        await tools
          .waitFor(isSo, { what, deadlineMs: 90_000, everyMs: 500 })
          .catch(async () => expect(await standing()).toEqual(sorted));
      };
      // Of a volume with a lane nothing can be told, and one that cannot be read may be anything.
      await came([...told, ...repaired], 'everything to be as its remedy says');

      for (const id of [nobodys, of('unshown')]) await put(`lanes/volume/${id}`, null);
      const free = [
        `confirmed name-unknown unexpected ${nobodys}`,
        `confirmed name-unknown unexpected ${nobodys}`,
        `confirmed slot-unknown unexpected ${nobodys}`,
        `confirmed trash-unknown unexpected ${nobodys}`,
      ];
      await came(
        [
          ...told.slice(2),
          ...free,
          ...repaired,
          `repaired lane-broken unexpected volume/${nobodys}`,
          `repaired lane-unshown unexpected volume/${of('unshown')}`,
        ],
        'what was behind an unreadable lane to be told of',
      );

      expect(await valueOf(polled)).toMatchObject({ status: 'errored' });
      const ended = { status: 'completed', completedAt: 1 };
      await put(undated, JSON.stringify({ ...((await valueOf(undated)) as ActionRecord), ...ended }));
      await put(nameKey(account, 'nobodys'), null);
      await put(nameKey(account, 'given'), of('given'));
      await put(`owners/${noId}`, null);
      await put(`tombstones/${noId}`, null);
      await slot('VM_2', nobodys, undefined);
      await put(`usage/${account}`, JSON.stringify(usage));
      const { stdout } = await rbd('trash', 'ls', '--format', 'json', system.variable('PLUMBLINE_POOL'));
      const [entry] = (JSON.parse(stdout) as { id: string; name: string }[]).filter(
        ({ name }) => name === `volume-${nobodys}`,
      );
      await rbd(
        'trash',
        'rm',
        '--no-progress',
        '--force',
        `${system.variable('PLUMBLINE_POOL')}/${entry?.id}`,
      );
      const isDone = async () => (await standing()).every((line) => line.startsWith('repaired'));
      await tools.waitFor(isDone, { what: 'nothing to be wrong', deadlineMs: 90_000 });
      expect(await system.disagreements()).toEqual([]);
    },
    5 * minuteMs,
  );
});
