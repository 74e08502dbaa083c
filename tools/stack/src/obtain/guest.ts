import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { StackError } from '../errors.js';
import { cacheDir } from '../paths.js';
import { run } from '../run.js';
import { dependenciesOf, unpackPackage } from './apt.js';
import { obtainOnce } from './once.js';

export interface Guest {
  kernel: string;
  initrd: string;
}

/** In the order in which they must be loaded. */
const modules = [
  ...['virtio_ring', 'virtio', 'virtio_pci_modern_dev', 'virtio_pci_legacy_dev', 'virtio_pci'],
  ...['scsi_common', 'scsi_mod', 'virtio_scsi', 'sd_mod'],
];

/** The guest is a shell on its serial line, without echo or prompt: what tools type there, they also read. */
const init = `#!/bin/sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in ${modules.join(' ')}; do insmod /modules/$module.ko; done
dmesg -n 1
export PS1= PS2=
while true; do
  stty -F /dev/ttyS0 -echo
  setsid -c sh </dev/ttyS0 >/dev/ttyS0 2>&1
done
`;

/** Debian's cloud kernel, unpacked but not installed, and an initramfs of busybox and what a SCSI disk needs. */
export async function obtainGuest(): Promise<Guest> {
  const edition = createHash('sha256').update(init).digest('hex').slice(0, 8);
  const folder = await obtainOnce(join(cacheDir, `guest-${edition}`), build);
  return { kernel: join(folder, 'vmlinuz'), initrd: join(folder, 'initrd.gz') };
}

async function build(fresh: string): Promise<void> {
  const unpacked = mkdtempSync(join(fresh, 'deb-'));
  const kernel = (await dependenciesOf('linux-image-cloud-amd64')).find((name) =>
    name.startsWith('linux-image-'),
  );
  if (!kernel) throw new StackError("Debian's metapackage linux-image-cloud-amd64 names no kernel");
  await unpackPackage(kernel, unpacked);
  const image = readdirSync(join(unpacked, 'boot')).find((name) => name.startsWith('vmlinuz-'));
  if (!image) throw new StackError(`${kernel} holds no kernel`);
  copyFileSync(join(unpacked, 'boot', image), join(fresh, 'vmlinuz'));
  const root = join(fresh, 'root');
  for (const part of ['bin', 'modules', 'proc', 'sys', 'dev'])
    mkdirSync(join(root, part), { recursive: true });
  copyFileSync('/bin/busybox', join(root, 'bin/busybox'));
  // The kernel cannot run `#!/bin/sh` before busybox has put its links there.
  await run('ln', ['-s', 'busybox', join(root, 'bin/sh')]);
  const found = (await run('find', [unpacked, '-name', '*.ko'])).split('\n');
  for (const module of modules) {
    const file = found.find((path) => path.endsWith(`/${module}.ko`));
    if (!file) throw new StackError(`${kernel} has no module ${module}`);
    copyFileSync(file, join(root, 'modules', `${module}.ko`));
  }
  writeFileSync(join(root, 'init'), init);
  chmodSync(join(root, 'init'), 0o755);
  await run('sh', [
    '-c',
    `cd "$1" && find . | cpio --quiet -o -H newc | gzip -1 > "$2"`,
    'pack',
    root,
    join(fresh, 'initrd.gz'),
  ]);
  for (const rest of [unpacked, root]) rmSync(rest, { recursive: true });
}
