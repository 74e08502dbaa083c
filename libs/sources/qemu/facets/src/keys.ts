import { nodeNameOf, volumeIdOfNode } from '@plumbline/domain';
import type { HostName, VmId, VolumeId } from '@plumbline/domain';

/** Key of a block node or device: `<vm>/<node name>`, on that VM's host. */
export function diskPlaceOf(at: { vm: VmId; host: HostName; volume: VolumeId }): {
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
