import { volumeIdOfNode } from '@plumbline/domain';
import type { DeviceSeen } from '@plumbline/qemu-facets';
import { z } from 'zod';
import { describedNode, openImagesOf } from './open-images.js';

/** Answer of `qom-list`, as far as we read it. */
export const qomListReply = z.array(z.object({ name: z.string(), type: z.string() }));

/** Answer of `query-block`, as far as we read it. `qdev` is the device that a drive belongs to. */
export const queryBlockReply = z.array(
  z.object({
    qdev: z.string().optional(),
    inserted: describedNode.optional(),
  }),
);

export interface PluggedDisk {
  readonly name: string;
  readonly seen: DeviceSeen;
}

/**
 * The disks of a VM: those of our names, and others' that are RBD images. QEMU is asked twice because
 * neither answer is enough. `device_del` takes a device out of `/machine/peripheral` at once, but the device holds its
 * node, and shows in `query-block`, until `DEVICE_DELETED`: who trusts the first would call a disk gone that still is
 * there. And only the first shows a device whose drive was pulled away.
 */
export function pluggedDisksOf(answers: {
  peripherals: z.infer<typeof qomListReply>;
  blocks: z.infer<typeof queryBlockReply>;
}): PluggedDisk[] {
  const named = new Set(answers.peripherals.map(({ name }) => name).filter((name) => isOurs(name)));
  const drives = new Map<string, string>();
  for (const { qdev = '', inserted } of answers.blocks) {
    const isImage = inserted !== undefined && openImagesOf([inserted]).length > 0;
    if (isOurs(qdev) || (qdev !== '' && isImage)) drives.set(qdev, inserted?.['node-name'] ?? '');
  }
  return [...new Set([...named, ...drives.keys()])].map((name) => {
    const node = drives.get(name) ?? '';
    return { name, seen: { node, state: stateOf({ name, node, isNamed: named.has(name) }) } };
  });
}

/** Whether the two answers agree; when they do not, something was on its way between them. */
export function isSettled(disks: readonly PluggedDisk[]): boolean {
  return disks.every(({ seen }) => seen.state === 'plugged' || seen.state === 'astray');
}

function stateOf(disk: { name: string; node: string; isNamed: boolean }): DeviceSeen['state'] {
  const { name, node, isNamed } = disk;
  if (isOurs(name) && !isNamed) return 'leaving';
  if (node === '') return 'driveless';
  return node === name ? 'plugged' : 'astray';
}

function isOurs(name: string): boolean {
  return volumeIdOfNode(name) !== null;
}
