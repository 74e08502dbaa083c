/**
 * Names of things. Ids are UUID v4, minted by one intent and never used twice, so the name made of an id is the mark of
 * ownership: whatever carries it in Ceph or QEMU is that volume's, and nothing else may carry it.
 */
declare const brand: unique symbol;
type Branded<T, Name extends string> = T & { readonly [brand]: Name };

export type VolumeId = Branded<string, 'VolumeId'>;
export type AccountId = Branded<string, 'AccountId'>;
export type IntentId = Branded<string, 'IntentId'>;
export type BootId = Branded<string, 'BootId'>;
/** A VM's number, positive, below 2^31: the wire contract wants integers. */
export type VmId = Branded<number, 'VmId'>;
/** An action's number: 16 digits, below 2^53, time first, so that sorting by key sorts by time. */
export type ActionNumber = Branded<number, 'ActionNumber'>;
/** A hypervisor host, as regions list them. */
export type HostName = Branded<string, 'HostName'>;
export type RegionSlug = Branded<string, 'RegionSlug'>;
/** What has a lane: `volume/<id>`. */
export type ResourceName = `volume/${string}`;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/** The volume's id, or null when the text is no lower-case UUID: at the edge such an id is simply unknown. */
export function parseVolumeId(text: string): VolumeId | null {
  return isUuid(text) ? (text as VolumeId) : null;
}

export function volumeResource(id: VolumeId): ResourceName {
  return `volume/${id}`;
}

export function volumeIdOf(resource: ResourceName): VolumeId {
  return resource.slice('volume/'.length) as VolumeId;
}

/** One pool a region. */
export function poolOf(region: RegionSlug): string {
  return `volumes-${region}`;
}

const IMAGE_PREFIX = 'volume-';

export function imageNameOf(id: VolumeId): string {
  return `${IMAGE_PREFIX}${id}`;
}

/** The volume an image belongs to, or null for a stranger's image. */
export function volumeIdOfImage(imageName: string): VolumeId | null {
  return imageName.startsWith(IMAGE_PREFIX) ? parseVolumeId(imageName.slice(IMAGE_PREFIX.length)) : null;
}

/** RFC 4648's "extended hex" alphabet: names sort as the ids they are made of. */
const BASE32 = '0123456789abcdefghijklmnopqrstuv';
const NODE_NAME_LENGTH = 27;

/**
 * Name of a volume's block node and device in QEMU: `v` and the id in base32, because QEMU's node names end at 31
 * characters. Never with an attempt in it: two attempts that add the same name exclude one another, two names would not.
 */
export function nodeNameOf(id: VolumeId): string {
  // Two bits of zero fill the last letter up.
  const bits = BigInt(`0x${id.replaceAll('-', '')}`) << 2n;
  return `v${bits.toString(32).padStart(NODE_NAME_LENGTH - 1, '0')}`;
}

/** The volume a block node or device belongs to, or null when the name is none of ours. */
export function volumeIdOfNode(name: string): VolumeId | null {
  if (name.length !== NODE_NAME_LENGTH || !name.startsWith('v')) return null;
  let bits = 0n;
  for (const letter of name.slice(1)) {
    const digit = BASE32.indexOf(letter);
    if (digit < 0) return null;
    bits = (bits << 5n) | BigInt(digit);
  }
  const hex = (bits >> 2n).toString(16).padStart(32, '0');
  const id = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join(
    '-',
  );
  return nodeNameOf(id as VolumeId) === name ? (id as VolumeId) : null;
}
