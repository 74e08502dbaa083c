import { guestDisks, askQemu, query } from '@plumbline/stack';
import type { AtRest, ReadingLine } from '@plumbline/soak-checker';
import { lookAtAll } from '@plumbline/testing';
import { now } from '../clock.js';

type Environment = Readonly<Record<string, string>>;

/** Everything that the sources say at one time, read outside the product. */
export async function readAll(env: Environment): Promise<AtRest> {
  const from = now();
  const { registry, images, trash, disks, subscriptions } = await lookAtAll(env, { query, askQemu });
  const guests = await guestsIn(env);
  return {
    from,
    to: now(),
    registry: new Map([...registry].map(([key, { value }]) => [key, value])),
    images: images.map(({ pool, name, opened }) => ({ pool, name, opened: opened && { ...opened } })),
    trash: [...trash],
    disks: disks.map((disk) => ({ ...disk })),
    ...guests,
    subscriptions: subscriptions.map((each) => ({ ...each })),
  };
}

/** A guest that does not answer is no reason to know nothing of all others. */
async function guestsIn(env: Environment): Promise<Pick<ReadingLine, 'guests' | 'silent'>> {
  const vms = [
    { vm: Number(env['PLUMBLINE_VM']), serial: env['PLUMBLINE_VM_SERIAL'] ?? '' },
    { vm: Number(env['PLUMBLINE_VM_2']), serial: env['PLUMBLINE_VM_2_SERIAL'] ?? '' },
  ];
  const disks = await Promise.all(vms.map(({ serial }) => guestDisks(serial).catch(() => null)));
  return {
    guests: vms.flatMap(({ vm }, at) => (disks[at] ?? []).map((disk) => ({ vm, ...disk }))),
    silent: vms.flatMap(({ vm }, at) => (disks[at] === null ? [vm] : [])),
  };
}

/** What has changed in the registry since the reading before, so that a long history stays short. */
export class RegistryDelta {
  private before = new Map<string, string>();

  since(registry: ReadonlyMap<string, unknown>): ReadingLine['registry'] {
    const present = new Map([...registry].map(([key, value]) => [key, JSON.stringify(value)]));
    const changed = [...registry].filter(([key]) => present.get(key) !== this.before.get(key));
    const gone = [...this.before.keys()].filter((key) => !present.has(key));
    this.before = present;
    return { changed: Object.fromEntries(changed), gone };
  }
}
