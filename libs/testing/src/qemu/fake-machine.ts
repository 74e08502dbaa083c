import type { ImageSizes } from './fake-images.js';

type Reply = { readonly return: unknown } | { readonly error: { class: string; desc: string } };
type Args = Readonly<Record<string, unknown>>;

interface Node {
  readonly name: string;
  readonly pool: string;
  readonly image: string;
  readonly isRaw: boolean;
  /** Its client is fenced: nothing is read or written through it any more. */
  isCutOff: boolean;
  /** What the image had when it was opened or resized here: QEMU hears of nobody else's changes. */
  sizeBytes: number;
}

interface Device {
  readonly id: string;
  readonly volumeName: string;
  /** Null: its drive was pulled away by hand. */
  node: string | null;
  /** Out of `/machine/peripheral`, and still on its node. */
  isLeaving: boolean;
}

/**
 * What becomes of `device_del`. `done`: the disk goes soon after. `ignored`: accepted, and the guest never lets go.
 * `lingering`: it leaves `/machine/peripheral` and keeps its node until `letGo`.
 */
export type UnplugManner = 'done' | 'ignored' | 'lingering';

/** Commands that make QEMU wait for Ceph, and everybody for QEMU. */
const CEPH_COMMANDS = new Set([
  'blockdev-add',
  'blockdev-del',
  'block_resize',
  'device_add',
  'device_del',
  'query-named-block-nodes', // It reads the head of every image, to see whether it is encrypted.
]);

/** The block nodes and devices of one run of a VM, as its monitor tells of them: QEMU 7.2, word for word. */
export class FakeMachine {
  unplugs: UnplugManner = 'done';
  private readonly nodes = new Map<string, Node>();
  private readonly devices = new Map<string, Device>();

  constructor(
    private readonly images: ImageSizes,
    private readonly deleted: (device: string) => void,
  ) {}

  needsCeph(command: string): boolean {
    return CEPH_COMMANDS.has(command);
  }

  carryOut(command: string, args: Args): Reply {
    switch (command) {
      case 'query-named-block-nodes':
        // It reads the head of each before it tells of any.
        if ([...this.nodes.values()].some(({ isCutOff }) => isCutOff))
          return failed('error reading header: Cannot send after transport endpoint shutdown');
        return done([...this.nodes.values()].flatMap((node) => this.described(node)));
      case 'query-blockstats':
        return done([...this.nodes.values()].flatMap((node) => this.described(node)).map(named));
      case 'query-block':
        return done(this.drives());
      case 'qom-list':
        return done(this.peripherals());
      case 'blockdev-add':
        return this.open(args);
      case 'blockdev-del':
        return this.closeNode(text(args['node-name']));
      case 'block_resize':
        return this.resize(text(args['node-name']), Number(args['size']));
      case 'device_add':
        return this.plug(args);
      case 'device_del':
        return this.unplug(text(args['id']));
      default:
        return failed(`The command ${command} has not been found`, 'CommandNotFound');
    }
  }

  /** Lets go of the disks that linger. */
  letGo(): void {
    for (const device of this.devices.values()) if (device.isLeaving) this.forget(device.id);
  }

  /** What `drive_del` does by hand: the device stays, and serves nobody. */
  pullDrive(id: string): void {
    const device = this.devices.get(id);
    if (device !== undefined) device.node = null;
  }

  /** What a fence does to the client of a node: it stays, and serves nobody. */
  cutOff(name: string): void {
    const node = this.nodes.get(name);
    if (node !== undefined) node.isCutOff = true;
  }

  /** How a guest sees its disks. */
  guestDisks(): { volumeName: string; sizeBytes: number }[] {
    return [...this.devices.values()]
      .filter(({ isLeaving }) => !isLeaving)
      .map(({ volumeName, node }) => ({
        volumeName,
        sizeBytes: this.nodes.get(node ?? '')?.sizeBytes ?? 0,
      }));
  }

  openImages(): { name: string; pool: string; image: string }[] {
    return [...this.nodes.values()].map(({ name, pool, image }) => ({ name, pool, image }));
  }

  private open(args: Args): Reply {
    const name = text(args['node-name']);
    const isRaw = args['driver'] === 'raw';
    const rbd = isRaw ? (args['file'] as Args) : args;
    const [pool, image] = [text(rbd['pool']), text(rbd['image'])];
    const sizeBytes = this.images.sizeBytes(pool, image);
    if (sizeBytes === null) return failed(`error reading header from ${image}: No such file or directory`);
    if (this.nodes.has(name)) return failed(`Duplicate nodes with node-name='${name}'`);
    this.nodes.set(name, { name, pool, image, isRaw, isCutOff: false, sizeBytes });
    return done({});
  }

  private closeNode(name: string): Reply {
    if (!this.nodes.has(name)) return failed(`Failed to find node with node-name='${name}'`);
    if (this.isUsed(name)) return failed(`Node ${name} is in use`);
    this.nodes.delete(name);
    return done({});
  }

  /** Sets the image's size without asking how large it is: a smaller one cuts it. */
  private resize(name: string, sizeBytes: number): Reply {
    const node = this.nodes.get(name);
    if (node === undefined) return failed(`Cannot find device='' nor node-name='${name}'`);
    if (node.isCutOff) return failed('failed to resize: Cannot send after transport endpoint shutdown');
    this.images.resize(node.pool, node.image, sizeBytes);
    node.sizeBytes = sizeBytes;
    return done({});
  }

  private plug(args: Args): Reply {
    const [id, node] = [text(args['id']), text(args['drive'])];
    if (args['bus'] !== 'scsi0.0') return failed(`Bus '${text(args['bus'])}' not found`);
    if (this.devices.has(id)) return failed(`Duplicate device ID '${id}'`);
    if (!this.nodes.has(node)) return failed(`Property 'scsi-hd.drive' can't find value '${node}'`);
    if (this.isUsed(node)) return failed(`Conflicts with use by another device`);
    this.devices.set(id, { id, node, volumeName: text(args['device_id']), isLeaving: false });
    return done({});
  }

  private unplug(id: string): Reply {
    const device = this.devices.get(id);
    if (device === undefined || device.isLeaving) return failed(`Device '${id}' not found`, 'DeviceNotFound');
    if (device.node === null) this.forget(id);
    if (this.unplugs !== 'ignored') device.isLeaving = true;
    // Only after the reply: until then whoever asks for its devices misses it, and it still has its node.
    if (this.unplugs === 'done') setImmediate(() => this.forget(id));
    return done({});
  }

  private forget(id: string): void {
    if (this.devices.delete(id)) this.deleted(id);
  }

  private isUsed(node: string): boolean {
    return [...this.devices.values()].some((device) => device.node === node);
  }

  private peripherals() {
    const disks = [...this.devices.values()].filter(({ isLeaving }) => !isLeaving);
    return [
      { name: 'type', type: 'string' },
      { name: 'scsi0', type: 'child<virtio-scsi-pci>' },
      ...disks.map(({ id }) => ({ name: id, type: 'child<scsi-hd>' })),
    ];
  }

  private drives() {
    return [...this.devices.values()].flatMap(({ id, node }) => {
      const drive = this.nodes.get(node ?? '');
      return drive === undefined ? [] : [{ device: '', qdev: id, inserted: this.described(drive)[0] }];
    });
  }

  private described({ name, pool, image, isRaw, sizeBytes }: Node) {
    const rbd = { driver: 'rbd', pool, image };
    const shown = (node: string, drv: string, made: object) => ({
      'node-name': node,
      drv,
      image: { filename: `json:${JSON.stringify(made)}`, 'virtual-size': sizeBytes },
    });
    if (!isRaw) return [shown(name, 'rbd', rbd)];
    return [shown(name, 'raw', { driver: 'raw', file: rbd }), shown(`#block-${name}`, 'rbd', rbd)];
  }
}

function done(value: unknown): Reply {
  return { return: value };
}

function failed(desc: string, of = 'GenericError'): Reply {
  return { error: { class: of, desc } };
}

function named(node: { 'node-name': string }) {
  return { 'node-name': node['node-name'], stats: {} };
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
