import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { obtainGuest } from '../obtain/guest.js';
import { guestAnswers } from '../outside/guest.js';
import { ensureProcess, isUp, stopProcess, type Started } from '../processes.js';
import { run } from '../run.js';
import type { Stack } from '../state.js';

export const vmNames = ['vm-1', 'vm-2'] as const;
export type VmName = (typeof vmNames)[number];

export interface VmSockets {
  /** The product's. QEMU serves one client on a monitor, and the qemu-worker keeps this one. */
  monitor: string;
  /** A second monitor, for whoever looks from outside. */
  tools: string;
  serial: string;
}

export function vmSockets({ state }: Stack, name: VmName): VmSockets {
  return socketsIn(state.sockets, name);
}

export function socketsIn(folder: string, name: VmName): VmSockets {
  const path = (end: string) => join(folder, `${name}.${end}`);
  return { monitor: path('qmp'), tools: path('tools'), serial: path('serial') };
}

export async function startVm(stack: Stack, name: VmName): Promise<Started> {
  const { kernel, initrd } = await obtainGuest();
  const sockets = vmSockets(stack, name);
  // A VM whose sockets were swept away with the temporary folder can never be reached again.
  if (isUp(stack, name) && !existsSync(sockets.monitor)) await stopProcess(stack, name, { graceMs: 2_000 });
  const version = /version ([\d.]+)/.exec(await run('qemu-system-x86_64', ['--version']))?.[1] ?? '?';
  const listen = (path: string) => `unix:${path},server=on,wait=off`;
  return ensureProcess(stack, {
    name,
    app: 'qemu',
    command: 'qemu-system-x86_64',
    args: [
      ...[
        '-name',
        name,
        '-machine',
        'q35,accel=tcg',
        '-nodefaults',
        '-no-user-config',
        '-display',
        'none',
        '-m',
        '160',
      ],
      ...['-kernel', kernel, '-initrd', initrd, '-append', 'console=ttyS0 quiet panic=-1'],
      ...['-device', 'virtio-scsi-pci,id=scsi0'],
      ...['-qmp', listen(sockets.monitor), '-qmp', listen(sockets.tools), '-serial', listen(sockets.serial)],
    ],
    version,
    ready: () => guestAnswers(sockets.serial),
  });
}
