/**
 * What must hold, judged by what stands in Consul, Ceph and QEMU themselves: at an instant in which nobody moves, whatever
 * is half done; and over all readings of the registry, between which only allowed things may have happened.
 */
import { imageNameOf, poolOf } from '@plumbline/domain';
import type { Lane, ResourceName, VolumeRecord } from '@plumbline/domain';
import type { RegistryEntry, Seen as Everything } from '@plumbline/testing';
import type { Seen } from './desk.js';

export interface Violation {
  readonly invariant: string;
  /** Of which volume; null: of none in particular. */
  readonly resource: string | null;
  readonly detail: string;
}

type Entries = ReadonlyMap<string, RegistryEntry>;

function valuesOf<T>(registry: Entries, prefix: string): readonly T[] {
  return [...registry].filter(([key]) => key.startsWith(prefix)).map(([, { value }]) => value as T);
}

/** V1, V3, V4 and V5 at an instant, with intents under way. */
export function instantViolations(seen: Everything): readonly Violation[] {
  const records = valuesOf<VolumeRecord>(seen.registry, 'volumes/');
  const lanes = new Map(valuesOf<Lane>(seen.registry, 'lanes/').map((lane) => [lane.resource, lane]));
  return [
    ...records.flatMap((record) => imageViolations(record, seen)),
    ...diskViolations(records, lanes, seen),
  ];
}

function imageViolations(record: VolumeRecord, { images, trash }: Everything): readonly Violation[] {
  const { id, imageId, region, sizeGib } = record;
  const isIts = (one: { pool: string; name: string }) =>
    one.pool === poolOf(region) && one.name === imageNameOf(id);
  const broken = (invariant: string, detail: string) => [{ invariant, resource: `volume/${id}`, detail }];
  const opened = images.find(isIts)?.opened;
  if (trash.some(isIts)) return broken('V3', 'its image is in the trash while it has a record');
  if (!opened) return broken('V1', 'it has a record and no image that opens');
  if (opened.id !== imageId) return broken('V1', `its image is ${opened.id}, its record says ${imageId}`);
  return opened.sizeGib < sizeGib
    ? broken('V5', `its image has ${opened.sizeGib} GiB, its record ${sizeGib}`)
    : [];
}

function diskViolations(
  records: readonly VolumeRecord[],
  lanes: ReadonlyMap<ResourceName, Lane>,
  { disks, images }: Everything,
): readonly Violation[] {
  const broken: Violation[] = [];
  const known = new Map(records.map((record) => [record.id as string, record]));
  const places = new Map<string, number>();
  for (const { file, vm, sizeGib } of disks) {
    const id = /volume-([0-9a-f-]{36})/.exec(file)?.[1] ?? '';
    const resource: ResourceName = `volume/${id}`;
    const claim = lanes.get(resource)?.entries[0]?.params as { vm?: number } | undefined;
    const add = (invariant: string, detail: string) => broken.push({ invariant, resource, detail });
    if (places.has(id)) add('V4', `VM ${vm} has it open, and so has VM ${places.get(id)}`);
    places.set(id, vm);
    if (known.get(id)?.attachment?.vm !== vm && claim?.vm !== vm)
      add('V4', `VM ${vm} has it open, and nobody says so`);
    const image = images.find(({ name }) => name === `volume-${id}`)?.opened;
    if (image && sizeGib > image.sizeGib)
      add('V5', `its VM shows ${sizeGib} GiB, its image has ${image.sizeGib}`);
  }
  return broken;
}

/** C1, C2, V2, V5 and V7 over time: what the registry showed one reading after the other. */
export class History {
  readonly violations: Violation[] = [];
  readings = 0;
  private lanes = new Map<string, Lane>();
  private records = new Map<string, VolumeRecord>();
  private readonly turns = new Map<string, { turn: number; nonce: string | null }>();
  private readonly nonces = new Set<string>();
  private readonly buried = new Set<string>();

  take(registry: Entries): void {
    this.readings += 1;
    const lanes = new Map(valuesOf<Lane>(registry, 'lanes/').map((lane) => [lane.resource as string, lane]));
    const records = new Map(
      valuesOf<VolumeRecord>(registry, 'volumes/').map((record) => [`volume/${record.id}`, record]),
    );
    for (const [resource, lane] of lanes) this.lane(resource, lane);
    for (const [resource, record] of records) this.record(resource, record);
    for (const { id } of valuesOf<{ id: string }>(registry, 'tombstones/')) this.buried.add(`volume/${id}`);
    this.lanes = lanes;
    this.records = records;
  }

  private lane(resource: string, { entries }: Lane): void {
    if (
      entries
        .slice(1)
        .some(({ attempt, ledger, turns }) => attempt !== null || ledger.length > 0 || turns > 0)
    )
      this.broken('C1', resource, 'an intent behind the head was begun');
    const before = this.lanes.get(resource)?.entries.map(({ intent }) => intent) ?? [];
    const now = entries.map(({ intent }) => intent);
    const rest = before.slice(before.indexOf(now[0]!));
    if (before.includes(now[0]!) && rest.some((intent, at) => now[at] !== intent))
      this.broken('C1', resource, 'the order of its intents has changed');
    const { attempt, intent, turns } = entries[0]!;
    const nonce = attempt?.nonce ?? null;
    const known = this.turns.get(intent) ?? { turn: 0, nonce: null };
    if (turns < known.turn) this.broken('C2', resource, `its turns went back from ${known.turn} to ${turns}`);
    if (nonce !== null && nonce !== known.nonce) {
      if (this.nonces.has(nonce)) this.broken('C2', resource, 'an attempt came back');
      if (turns === known.turn && known.nonce !== null)
        this.broken('C2', resource, `two attempts in turn ${turns}`);
      this.nonces.add(nonce);
    }
    this.turns.set(intent, { turn: turns, nonce: nonce ?? known.nonce });
  }

  private record(resource: string, { rev, sizeGib }: VolumeRecord): void {
    const before = this.records.get(resource);
    if (this.buried.has(resource)) this.broken('V7', resource, 'it has a record again after its end');
    if (before === undefined) return;
    if (rev < before.rev)
      this.broken('V2', resource, `its record went back from rev ${before.rev} to ${rev}`);
    if (sizeGib < before.sizeGib)
      this.broken('V5', resource, `it shrank from ${before.sizeGib} to ${sizeGib} GiB`);
  }

  private broken(invariant: string, resource: string, detail: string): void {
    if (this.violations.some((one) => one.resource === resource && one.detail === detail)) return;
    this.violations.push({ invariant, resource, detail });
  }
}

/**
 * C3 and C4, by what the workers themselves saw: what was sent after a newer attempt's first effect must have failed. A
 * write that worked twice is one too many.
 */
export function lateViolations(seen: readonly Seen[]): readonly Violation[] {
  const newest = new Map<string, Seen>();
  const sent = new Map<string, Seen>();
  const broken: Violation[] = [];
  for (const one of seen) {
    const { doing, boot, saw } = one;
    const call = `${boot} ${doing.intent} ${doing.move} ${doing.turn}`;
    if (saw === 'doubled')
      broken.push({ invariant: 'C3', resource: doing.resource, detail: `${doing.move} was written twice` });
    if (!doing.changes || doing.move === 'owed') continue;
    const head = doing.intent;
    if (saw === 'sent') {
      sent.set(call, one);
      const known = newest.get(head);
      if (known === undefined || known.doing.turn < doing.turn) newest.set(head, one);
    }
    const first = newest.get(head);
    const mine = sent.get(call);
    if (saw !== 'returned' || first === undefined || mine === undefined) continue;
    if (first.doing.turn > doing.turn && mine.order > first.order) {
      const detail = `${doing.move} of turn ${doing.turn} worked after turn ${first.doing.turn} had begun`;
      broken.push({ invariant: 'C4', resource: doing.resource, detail });
    }
  }
  return broken;
}
