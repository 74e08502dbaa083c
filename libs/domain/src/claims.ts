import { parseVolumeId } from './ids.js';
import type { AccountId, ActionNumber, RegionSlug, VmId, VolumeId } from './ids.js';
import type { Instant } from './records.js';

/**
 * A name that is held in the registry. It stands there hashed: `name` is the name itself where a record tells it, else an
 * equals sign and its SHA-256, which no name can look like.
 */
export interface HeldName {
  readonly account: AccountId;
  readonly region: RegionSlug;
  readonly name: string;
}

/** What a repair has given back besides: names and slots that are held for the volume and are not its own. */
export interface GivenBack {
  readonly names: readonly HeldName[];
  readonly vms: readonly VmId[];
  /** Customers' actions of the volume that are in progress for nobody: they end as errored. */
  readonly actions: readonly ActionNumber[];
}

/** All that a volume holds in the registry by its record and lane, taken again whatever stands there; and what it gives back. */
export interface Claims {
  readonly names: readonly { readonly region: RegionSlug; readonly name: string }[];
  readonly slots: ReadonlyMap<VmId, 'reserved' | 'attached'>;
  readonly givesBack: GivenBack;
  /** When that is. */
  readonly at: Instant;
}

/** Key of a held name: `<volume>/<account>/<region>/<name>`, so that all names of a volume stand together. */
export function heldNameKey(volume: string, { account, name, region }: HeldName): string {
  return `${volume}/${account}/${region}/${name}`;
}

export function parseHeldName(key: string): HeldName & { readonly volume: string } {
  const parts = key.split('/');
  const volume = parts.slice(0, -3).join('/'); // Whatever somebody wrote as the holder.
  const [account = '', region = '', name = ''] = parts.slice(-3);
  // Parts of a key that was made of these.
  return { volume, account: account as AccountId, region: region as RegionSlug, name };
}

/** Key of a slot: `<vm>/<volume>`. */
export function heldSlotKey(vm: VmId, volume: string): string {
  return `${vm}/${volume}`;
}

export function parseHeldSlot(key: string): { readonly vm: VmId; readonly volume: string } {
  const slash = key.indexOf('/');
  return { vm: Number(key.slice(0, slash)) as VmId, volume: key.slice(slash + 1) };
}

export function volumeOfHeldName(key: string): VolumeId | null {
  return parseVolumeId(parseHeldName(key).volume);
}

export function volumeOfHeldSlot(key: string): VolumeId | null {
  return parseVolumeId(parseHeldSlot(key).volume);
}
