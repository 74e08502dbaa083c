import { createHash } from 'node:crypto';
import type {
  ActionRecord,
  BootRecord,
  Lane,
  Tombstone,
  Usage,
  VmRecord,
  VolumeRecord,
} from '@plumbline/domain';
import type { Seen, SeenDisk } from './look.js';

/**
 * What does not agree on a system at rest, one sentence for each; empty: nothing is under way, volumes are images are open
 * subscriptions, attachments are disks, and counters, names and slots are exactly what the records make them. Names are
 * worked out here anew: a mistake in the product's own naming must not excuse itself.
 */
export function disagreementsIn(seen: Seen, planted: readonly string[] = []): readonly string[] {
  const facts = factsOf(seen);
  return [
    ...unsettled(facts),
    ...images(facts, seen, planted),
    ...disks(facts, seen),
    ...subscriptions(facts, seen),
    ...counters(facts),
    ...names(facts),
    ...ids(facts),
    ...processes(facts),
  ];
}

interface Facts {
  readonly keys: readonly string[];
  readonly lanes: readonly Lane[];
  readonly volumes: readonly VolumeRecord[];
  readonly tombstones: readonly Tombstone[];
  readonly vms: readonly VmRecord[];
  readonly actions: readonly ActionRecord[];
  /** Repairs and purges, which customers do not see. */
  readonly internal: readonly ActionRecord[];
  readonly boots: readonly BootRecord[];
  readonly usages: ReadonlyMap<string, Usage>;
  readonly names: ReadonlyMap<string, unknown>;
}

function factsOf({ registry }: Seen): Facts {
  const under = (prefix: string) => [...registry].filter(([key]) => key.startsWith(`${prefix}/`));
  const all = <T>(prefix: string) => under(prefix).map(([, { value }]) => value as T);
  const byKey = <T>(prefix: string) =>
    new Map(under(prefix).map(([key, { value }]) => [key.slice(prefix.length + 1), value as T]));
  return {
    keys: [...registry.keys()],
    lanes: all<Lane>('lanes'),
    volumes: all<VolumeRecord>('volumes'),
    tombstones: all<Tombstone>('tombstones'),
    vms: all<VmRecord>('vms'),
    actions: all<ActionRecord>('actions'),
    internal: all<ActionRecord>('internal-actions'),
    boots: all<BootRecord>('boots'),
    usages: byKey<Usage>('usage'),
    names: byKey<unknown>('names'),
  };
}

function unsettled({ actions, keys, lanes }: Facts): readonly string[] {
  const heads = lanes.map(({ entries: [head] }) => ({
    kind: head?.kind,
    parked: head?.parked,
    attempt: head?.attempt?.boot,
    tries: head?.tries,
  }));
  return [
    ...lanes.map(({ resource }, n) => `${resource} has a lane: ${JSON.stringify(heads[n])}`),
    ...keys.filter((key) => key.startsWith('owed/')).map((key) => `${key} is still owed`),
    ...actions
      .filter(
        ({ status, resource }) =>
          status === 'in-progress' && !lanes.some((lane) => lane.resource === resource),
      )
      .map(({ n, type, resource }) => `action ${n}, ${type} of ${resource}, is in progress without a lane`),
  ];
}

const imageOf = ({ id }: { id: string }): string => `volume-${id}`;
const poolOf = ({ region }: { region: string }): string => `volumes-${region}`;

function images({ tombstones, volumes }: Facts, seen: Seen, planted: readonly string[]): readonly string[] {
  const placeOf = (of: VolumeRecord | Tombstone) => `${poolOf(of)}/${imageOf(of)}`;
  const found = new Map(seen.images.map((image) => [`${image.pool}/${image.name}`, image]));
  const wanted = new Set(volumes.map(placeOf));
  const buried = new Set(tombstones.map(placeOf));
  const wrong = volumes.flatMap((volume) => {
    const place = placeOf(volume);
    const image = found.get(place);
    if (image === undefined) return [`volume ${volume.id} has no image ${place}`];
    if (image.opened === null) return [`image ${place} cannot be opened`];
    const { id, sizeGib } = image.opened;
    if (id !== volume.imageId) return [`image ${place} is ${id}, and its record says ${volume.imageId}`];
    return sizeGib === volume.sizeGib
      ? []
      : [`image ${place} has ${sizeGib} GiB, its record ${volume.sizeGib}`];
  });
  const extra = [...found.keys()].filter((place) => !wanted.has(place) && !planted.includes(place));
  const trash = seen.trash.map(({ pool, name }) => `${pool}/${name}`);
  return [
    ...wrong,
    ...extra.map((place) => `image ${place} belongs to no volume`),
    ...trash
      .filter((place) => !buried.has(place))
      .map((place) => `${place} is in the trash without a tombstone`),
  ];
}

function disks({ vms, volumes }: Facts, seen: Seen): readonly string[] {
  const left = new Set(seen.disks);
  const wrong: string[] = [];
  for (const volume of volumes) {
    const of = [...left].filter((disk) => disk.file.includes(imageOf(volume)));
    for (const disk of of) left.delete(disk);
    wrong.push(...disksOf(volume, of));
  }
  for (const { vm, file } of left) wrong.push(`VM ${vm} has a disk of no volume: ${file}`);
  for (const vm of vms) {
    const attached = volumes.filter(({ attachment }) => attachment?.vm === vm.id).map(({ id }) => id);
    const wanted = textOf(attached.sort().map((id) => [id, 'attached']));
    const slots = textOf(Object.entries(vm.slots).sort(([one], [other]) => (one < other ? -1 : 1)));
    if (slots !== wanted) wrong.push(`VM ${vm.id} has slots ${slots}, and attached to it are ${wanted}`);
  }
  return wrong;
}

function disksOf({ attachment, id, sizeGib }: VolumeRecord, found: readonly SeenDisk[]): readonly string[] {
  if (attachment === null) return found.map(({ vm }) => `volume ${id} is detached, and VM ${vm} has it open`);
  const [disk, ...more] = found;
  if (disk === undefined) return [`volume ${id} is attached to VM ${attachment.vm}, which has no such disk`];
  const wrong = more.map(({ vm }) => `volume ${id} is open a second time, in VM ${vm}`);
  if (disk.vm !== attachment.vm)
    wrong.push(`volume ${id} belongs into VM ${attachment.vm} and is in ${disk.vm}`);
  if (!disk.isPlugged) wrong.push(`volume ${id} is open in VM ${disk.vm}, and no device has it`);
  if (disk.sizeGib !== sizeGib)
    wrong.push(`volume ${id} shows ${disk.sizeGib} GiB in its VM, its record ${sizeGib}`);
  return wrong;
}

function subscriptions({ volumes }: Facts, seen: Seen): readonly string[] {
  const lineOf = (volume: string, account: string, sizeGib: number) =>
    `${volume} of ${account}, ${sizeGib} GiB`;
  const wanted = volumes.map(({ id, account, sizeGib }) => lineOf(id, account, sizeGib));
  const found = seen.subscriptions.map(({ volume, account, sizeGib }) => lineOf(volume, account, sizeGib));
  return [
    ...wanted.filter((line) => !found.includes(line)).map((line) => `no open subscription for ${line}`),
    ...found
      .filter((line) => !wanted.includes(line))
      .map((line) => `a subscription for no such volume: ${line}`),
  ];
}

function counters({ usages, volumes }: Facts): readonly string[] {
  const accounts = new Set([...usages.keys(), ...volumes.map(({ account }) => account)]);
  return [...accounts].flatMap((account) => {
    const own = volumes.filter((volume) => volume.account === account);
    const wanted = { volumes: own.length, gib: own.reduce((sum, { sizeGib }) => sum + sizeGib, 0) };
    const { volumes: count = 0, gib = 0 } = usages.get(account) ?? {};
    if (count === wanted.volumes && gib === wanted.gib) return [];
    return [`account ${account} counts ${count} volumes and ${gib} GiB, and has ${textOf(wanted)}`];
  });
}

function names({ names: found, volumes }: Facts): readonly string[] {
  const wanted = new Map(
    volumes.map(({ account, id, name, region }) => [`${account}/${region}/volume/${sha256(name)}`, id]),
  );
  return [
    ...[...wanted]
      .filter(([key, id]) => found.get(key) !== id)
      .map(([key, id]) => `name ${key} is not ${id}'s`),
    ...[...found.keys()]
      .filter((key) => !wanted.has(key as never))
      .map((key) => `name ${key} is taken by no volume`),
  ];
}

/** Whose end takes the tombstone away. */
const FORGETTING: readonly string[] = ['volume-purge', 'volume-release'];

/** Any id ever minted is a volume's or has a tombstone, until it is purged or released, and never both. */
function ids({ internal, keys, tombstones, volumes }: Facts): readonly string[] {
  const minted = keys.filter((key) => key.startsWith('owners/')).map((key) => key.slice('owners/'.length));
  const living = new Set<string>(volumes.map(({ id }) => id));
  const dead = new Set<string>(tombstones.map(({ id }) => id));
  const purges = internal.filter(({ kind, status }) => FORGETTING.includes(kind) && status === 'completed');
  const purged = new Set(purges.map(({ resource }) => resource.slice('volume/'.length)));
  return [
    ...minted
      .filter((id) => !living.has(id) && !dead.has(id) && !purged.has(id))
      .map((id) => `id ${id} is neither a volume nor buried`),
    ...[...living].filter((id) => dead.has(id)).map((id) => `id ${id} is a volume and has a tombstone`),
    ...[...living, ...dead].filter((id) => !minted.includes(id)).map((id) => `id ${id} has no owner`),
  ];
}

/** A boot that died is fenced within seconds, and both its keys go. */
function processes({ boots, keys }: Facts): readonly string[] {
  const beats = keys.filter((key) => key.startsWith('beats/')).map((key) => key.slice('beats/'.length));
  const byName = new Map<string, number>();
  for (const { name } of boots) byName.set(name, (byName.get(name) ?? 0) + 1);
  return [
    ...boots.filter(({ state }) => state !== 'alive').map(({ name, state }) => `boot of ${name} is ${state}`),
    ...[...byName].filter(([, count]) => count > 1).map(([name, count]) => `${name} has ${count} boots`),
    ...beats
      .filter((boot) => !boots.some((one) => one.boot === boot))
      .map((boot) => `beat of no boot: ${boot}`),
  ];
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

const textOf = (value: unknown): string => JSON.stringify(value);
