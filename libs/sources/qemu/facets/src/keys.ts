import { nodeNameOf, volumeIdOfNode } from '@plumbline/domain';
import type { ClientRef, HostName, VmId, VolumeId } from '@plumbline/domain';

/** A volume's disk in a VM. */
export interface DiskAt {
  readonly vm: VmId;
  readonly host: HostName;
  readonly volume: VolumeId;
}

/** Who writes through the disk, for plans that take it away or may have to. */
export type DiskOfClient = DiskAt & { readonly client?: ClientRef };

/** The same, about which a plan states facts. */
export function diskFactAt(at: DiskOfClient) {
  const { key, host } = diskPlaceOf(at);
  return at.client === undefined ? { key, host } : { key, host, client: at.client };
}

/** Key of a block node or device: `<vm>/<node name>`, on that VM's host. */
export function diskPlaceOf(at: DiskAt): {
  key: string;
  host: HostName;
} {
  return { key: `${at.vm}/${nodeNameOf(at.volume)}`, host: at.host };
}

export function parseDiskKey(key: string): { vm: VmId; name: string } {
  const slash = key.indexOf('/');
  return { vm: Number(key.slice(0, slash)) as VmId, name: key.slice(slash + 1) };
}

export function volumeOfDiskKey(key: string): VolumeId | null {
  return volumeIdOfNode(parseDiskKey(key).name);
}
