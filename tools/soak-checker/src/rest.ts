/**
 * A1: what must hold when faults have stopped and nobody asks for anything. Nothing is under way; volumes are images are
 * open subscriptions, attachments are disks, in QEMU and in the guest, and counters, names, slots and ids are exactly what
 * the records make them. An intent that is parked is a mistake too: all that a soak does is over by now, and so nothing was
 * left that could not be found out without a person. Its volume is left out where sources are compared.
 */
import { createHash } from 'node:crypto';
import type { Finding } from './finding.js';
import type { ReadingLine } from './history.js';
import { PURGE, readRegistry, type RawRegistry, type Registry, type VolumeEntry } from './registry-shapes.js';

export interface AtRest extends Omit<ReadingLine, 'line' | 'round' | 'restedAt' | 'agreedMs' | 'registry'> {
  readonly registry: RawRegistry;
}

export function judgeRest(seen: AtRest, processes: readonly string[]): readonly Finding[] {
  const registry = readRegistry(seen.registry);
  const parked = registry.lanes.flatMap(({ resource, entries: [head] }) =>
    head?.parked ? [{ volume: resource, kind: head.kind, ...head.parked }] : [],
  );
  const isParked = (volume: string) => parked.some((one) => one.volume === volume);
  const findings = [
    ...unsettled(registry, isParked),
    ...images(registry, seen),
    ...disks(registry, seen),
    ...seen.silent.map((vm) => a1(`the guest of VM ${vm} does not answer`)),
    ...subscriptions(registry, seen),
    ...names(registry),
    ...ids(registry),
    ...boots(registry, processes),
    ...reported(registry),
  ].filter(({ volume }) => volume === undefined || !isParked(volume));
  return [
    ...findings,
    ...parked.map(({ detail, kind, reason, volume }) =>
      a1(`${kind} is parked: ${reason}: ${detail}`, volume),
    ),
    ...(parked.length > 0 ? [] : [...counters(registry), ...slots(registry)]),
  ];
}

function a1(what: string, volume?: string): Finding {
  return { rule: 'A1', what, ...(volume === undefined ? {} : { volume }) };
}

function unsettled(
  { actions, internal, keys, lanes }: Registry,
  isParked: (volume: string) => boolean,
): readonly Finding[] {
  const busy = new Set(lanes.map(({ resource }) => resource));
  return [
    ...lanes
      .filter(({ resource }) => !isParked(resource))
      .map(({ resource, entries }) => a1(`is not settled: ${JSON.stringify(entries[0])}`, resource)),
    ...keys.filter((key) => key.startsWith('owed/')).map((key) => a1(`${key} is still owed`)),
    ...[...actions, ...internal]
      .filter(({ status, resource }) => status === 'in-progress' && !busy.has(resource))
      .map(({ n, type, resource }) => a1(`action ${n}, ${type}, is in progress without a lane`, resource)),
  ];
}

const imageOf = (id: string): string => `volume-${id}`;
const placeOf = ({ id, region }: { id: string; region: string }): string =>
  `volumes-${region}/${imageOf(id)}`;

function images({ volumes, tombstones }: Registry, seen: AtRest): readonly Finding[] {
  const found = new Map(seen.images.map((image) => [`${image.pool}/${image.name}`, image]));
  const wanted = new Set(volumes.map(placeOf));
  const buried = new Set(tombstones.map(placeOf));
  return [
    ...volumes.flatMap((volume) => imageFindings(volume, found.get(placeOf(volume)))),
    ...[...found.keys()]
      .filter((place) => !wanted.has(place))
      .map((place) => a1(`image ${place} belongs to no volume`, place.split('/volume-')[1])),
    ...seen.trash
      .map(({ pool, name }) => `${pool}/${name}`)
      .filter((place) => !buried.has(place))
      .map((place) => a1(`${place} is in the trash without a tombstone`, place.split('/volume-')[1])),
  ];
}

function imageFindings(
  volume: VolumeEntry,
  image: ReadingLine['images'][number] | undefined,
): readonly Finding[] {
  const v1 = (what: string): Finding => ({ rule: 'V1', what, volume: volume.id });
  if (image === undefined) return [v1('has a record and no image')];
  if (image.opened === null) return [v1('has an image that cannot be opened')];
  const { id, sizeGib } = image.opened;
  if (id !== volume.imageId) return [v1(`has the image ${id}, and its record says ${volume.imageId}`)];
  if (sizeGib < volume.sizeGib)
    return [
      {
        rule: 'V5',
        what: `has ${volume.sizeGib} GiB in its record and ${sizeGib} in its image`,
        volume: volume.id,
      },
    ];
  return [];
}

function disks({ volumes }: Registry, seen: AtRest): readonly Finding[] {
  const left = new Set(seen.disks);
  const findings: Finding[] = [];
  for (const volume of volumes) {
    const own = [...left].filter(({ file }) => file.includes(imageOf(volume.id)));
    for (const disk of own) left.delete(disk);
    const inGuests = seen.guests.filter(({ identity }) => identity === volume.name);
    findings.push(...diskFindings(volume, own).map((what) => a1(what, volume.id)));
    findings.push(
      ...guestFindings(volume, own, { inGuests, silent: seen.silent }).map((what) => a1(what, volume.id)),
    );
  }
  for (const { vm, file } of left)
    findings.push(a1(`VM ${vm} has a disk of no volume: ${file}`, volumeIn(file)));
  return findings;
}

/** The volume whose image a text of QEMU's names. */
export function volumeIn(file: string): string | undefined {
  return /volume-([0-9a-f-]{36})/.exec(file)?.[1];
}

function diskFindings({ attachment, sizeGib }: VolumeEntry, own: AtRest['disks']): readonly string[] {
  if (attachment === null) return own.map(({ vm }) => `is detached, and VM ${vm} has it open`);
  const [disk, ...more] = own;
  if (disk === undefined) return [`is attached to VM ${attachment.vm}, which has no such disk`];
  const wrong = more.map(({ vm }) => `is open a second time, in VM ${vm}`);
  if (disk.vm !== attachment.vm) wrong.push(`belongs into VM ${attachment.vm} and is in ${disk.vm}`);
  if (!disk.isPlugged) wrong.push(`is open in VM ${disk.vm}, and no device has it`);
  if (disk.sizeGib < sizeGib) wrong.push(`shows ${disk.sizeGib} GiB in its VM, its record ${sizeGib}`);
  return wrong;
}

function guestFindings(
  { attachment }: VolumeEntry,
  own: AtRest['disks'],
  { inGuests, silent }: { inGuests: AtRest['guests']; silent: AtRest['silent'] },
): readonly string[] {
  if (attachment === null) return inGuests.map(({ vm }) => `is detached, and the guest of VM ${vm} sees it`);
  if (own.length !== 1 || silent.includes(attachment.vm)) return [];
  const [disk, ...more] = inGuests.filter(({ vm }) => vm === attachment.vm);
  if (disk === undefined) return [`is attached to VM ${attachment.vm}, whose guest sees no such disk`];
  return more.length === 0 ? [] : [`is seen ${more.length + 1} times by the guest of VM ${attachment.vm}`];
}

function subscriptions({ volumes }: Registry, seen: AtRest): readonly Finding[] {
  const lineOf = (account: string, sizeGib: number) => `${sizeGib} GiB of ${account}`;
  const found = new Map(seen.subscriptions.map((one) => [one.volume, lineOf(one.account, one.sizeGib)]));
  const living = new Set(volumes.map(({ id }) => id));
  return [
    ...volumes
      .filter(({ id, account, sizeGib }) => found.get(id) !== lineOf(account, sizeGib))
      .map(({ id, account, sizeGib }) =>
        a1(`is ${lineOf(account, sizeGib)}, and its subscription ${found.get(id) ?? 'is not open'}`, id),
      ),
    ...[...found.keys()]
      .filter((id) => !living.has(id))
      .map((id) => a1('has an open subscription and no record', id)),
  ];
}

function counters({ usage, volumes, accounts }: Registry): readonly Finding[] {
  const all = new Set([...usage.keys(), ...volumes.map(({ account }) => account)]);
  return [...all].flatMap((account) => {
    const own = volumes.filter((volume) => volume.account === account);
    const gibOwn = own.reduce((sum, { sizeGib }) => sum + sizeGib, 0);
    const { volumes: count = 0, gib = 0 } = usage.get(account) ?? {};
    const findings: Finding[] = [];
    if (count !== own.length || gib !== gibOwn)
      findings.push(
        a1(`account ${account} counts ${count} volumes, ${gib} GiB; it has ${own.length}, ${gibOwn}`),
      );
    const limits = accounts.find(({ id }) => id === account)?.limits;
    if (limits !== undefined && (own.length > limits.volumes || gibOwn > limits.gib))
      findings.push({
        rule: 'B2',
        what: `account ${account} has ${own.length} volumes, ${gibOwn} GiB: over its quota`,
      });
    return findings;
  });
}

function slots({ vms, volumes }: Registry): readonly Finding[] {
  return vms.flatMap(({ id, slots: found }) => {
    const attached = volumes.filter(({ attachment }) => attachment?.vm === id).map((volume) => volume.id);
    const wrong = Object.entries(found).filter(
      ([volume, as]) => as !== 'attached' || !attached.includes(volume),
    );
    const missing = attached.filter((volume) => found[volume] === undefined);
    return [
      ...wrong.map(([volume, as]) => a1(`has a slot in VM ${id}, ${as}, and is not attached to it`, volume)),
      ...missing.map((volume) => a1(`has no slot in VM ${id}`, volume)),
    ];
  });
}

function names({ names: found, volumes, lanes }: Registry): readonly Finding[] {
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
  const wanted = new Map(
    volumes.map(({ account, id, name, region }) => [`${account}/${region}/volume/${sha256(name)}`, id]),
  );
  const busy = new Set(lanes.map(({ resource }) => resource));
  return [
    ...[...wanted]
      .filter(([key, id]) => found.get(key) !== id)
      .map(([key, id]) => a1(`its name ${key} is not its own`, id)),
    ...[...found]
      .filter(([key, id]) => !wanted.has(key) && !busy.has(String(id)))
      .map(([key, id]) => a1(`the name ${key} is taken by no volume`, String(id))),
  ];
}

/** Any id ever minted is a volume's or has a tombstone, never both, or was purged. */
function ids({ internal, owners, tombstones, volumes, lanes }: Registry): readonly Finding[] {
  const living = new Set(volumes.map(({ id }) => id));
  const dead = new Set(tombstones.map(({ id }) => id));
  const busy = new Set(lanes.map(({ resource }) => resource));
  const purges = internal.filter(({ status, type }) => type === PURGE && status === 'completed');
  const purged = new Set(purges.map(({ resource }) => resource));
  return [
    ...[...owners.keys()]
      .filter((id) => !living.has(id) && !dead.has(id) && !busy.has(id) && !purged.has(id))
      .map((id) => a1('has an owner, and is neither a volume nor buried', id)),
    ...[...living]
      .filter((id) => dead.has(id))
      .map((id): Finding => ({ rule: 'V7', what: 'is a volume and has a tombstone', volume: id })),
    ...[...living, ...dead].filter((id) => !owners.has(id)).map((id) => a1('has no owner', id)),
  ];
}

/** Each process has the one boot that lives; of those that died both keys are gone. */
function boots({ boots: found, keys }: Registry, processes: readonly string[]): readonly Finding[] {
  const beats = keys.filter((key) => key.startsWith('beats/')).map((key) => key.slice('beats/'.length));
  const countOf = (name: string) => found.filter((boot) => boot.name === name).length;
  return [
    ...found
      .filter(({ state }) => state !== 'alive')
      .map(({ name, state }) => a1(`a boot of ${name} is ${state}`)),
    ...processes
      .filter((name) => countOf(name) !== 1)
      .map((name) => a1(`${name} has ${countOf(name)} boots`)),
    ...beats
      .filter((boot) => !found.some((one) => one.boot === boot))
      .map((boot) => a1(`${boot} beats and is no boot`)),
  ];
}

/** What the scrubber has seen, although nobody was at work on it, and sees still: what agrees again is shown for a day. */
function reported({ discrepancies }: Registry): readonly Finding[] {
  return discrepancies
    .filter(({ state }) => state !== 'repaired')
    .map(({ class: found, facet, key, volume }) =>
      a1(`the scrubber reports ${key} as ${found} in ${facet}`, volume ?? undefined),
    );
}
