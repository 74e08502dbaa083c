/** Damages as a person does them, with `rbd` and at a VM's second monitor. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { imageNameOf, nodeNameOf, poolOf } from '@plumbline/domain';
import { askQemu, imageInfo, restoreFromTrash } from '@plumbline/stack';
import type { RunningStack } from '@plumbline/stack';
import { byHandNameOf } from '../matrix/damages.js';
import type { Damage } from '../matrix/damages.js';
import type { Subject } from './subject.js';

const run = promisify(execFile);
const RBD_MS = 30_000;
/** As the examples of the kinds have it. */
const [MADE, GROWN] = ['2G', '5G'];

export class Vandal {
  constructor(private readonly stack: RunningStack) {}

  /** @returns what the intent's parameters must say of it */
  async damage(
    damage: Damage,
    { region, vm, volume }: Pick<Subject, 'vm' | 'volume'> & { region: string },
  ): Promise<object> {
    const conf = this.variable('CEPH_CONF');
    const [pool, image] = [poolOf(region as Parameters<typeof poolOf>[0]), imageNameOf(volume)];
    const rbd = (...args: string[]) => run('rbd', ['-c', conf, ...args], { timeout: RBD_MS });
    switch (damage) {
      case 'image in the trash':
        await rbd('trash', 'mv', `${pool}/${image}`);
        return {};
      case 'image out of the trash':
        await restoreFromTrash(conf, pool, image);
        return {};
      case 'image grown by hand':
        await rbd('resize', '--no-progress', '--size', GROWN, `${pool}/${image}`);
        return {};
      case 'image made by hand': {
        const name = byHandNameOf(volume);
        await rbd('create', '--size', MADE, `${pool}/${name}`);
        const made = await imageInfo(conf, pool, name);
        return { image: name, imageId: made?.id ?? '' };
      }
      default:
        await this.plug({ conf, image, node: nodeNameOf(volume), pool, vm });
        return {};
    }
  }

  /** Takes away what is nobody's: an image that was not adopted, or that was released. @returns whether there was one */
  async clearByHand({ region, volume }: Pick<Subject, 'volume'> & { region: string }): Promise<boolean> {
    const conf = this.variable('CEPH_CONF');
    const [pool, image] = [poolOf(region as Parameters<typeof poolOf>[0]), byHandNameOf(volume)];
    if ((await imageInfo(conf, pool, image)) === undefined) return false;
    await run('rbd', ['-c', conf, 'rm', '--no-progress', `${pool}/${image}`], { timeout: RBD_MS });
    return true;
  }

  /** As the product does it, but for nobody. */
  private async plug(by: { conf: string; image: string; node: string; pool: string; vm: number }) {
    const { conf, image, node, pool, vm } = by;
    const file = { driver: 'rbd', pool, image, conf, user: 'plumbline-vm' };
    await askQemu(this.monitorOf(vm), 'blockdev-add', { driver: 'raw', 'node-name': node, file });
    const device = { driver: 'scsi-hd', bus: 'scsi0.0', id: node, drive: node };
    await askQemu(this.monitorOf(vm), 'device_add', device);
  }

  private monitorOf(vm: number): string {
    for (const name of ['VM', 'VM_2'])
      if (Number(this.variable(`PLUMBLINE_${name}`)) === vm) return this.variable(`PLUMBLINE_${name}_TOOLS`);
    throw new TypeError(`the stack has no VM ${vm}`);
  }

  private variable(name: string): string {
    const value = this.stack.env[name];
    if (value === undefined) throw new TypeError(`the stack has no ${name}`);
    return value;
  }
}
