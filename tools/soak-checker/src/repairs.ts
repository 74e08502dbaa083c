/**
 * A3: nothing is repaired that nobody has harmed. Of all that a soak does only the death of a VM makes a source differ from
 * its record: its disks go with it. So every repair is of a disk, a VM died before it, and each death of one costs a volume
 * one repair that is carried out. Another repair was recorded for what some fault had only made look wrong.
 */
import type { Finding } from './finding.js';
import type { FaultLine } from './history.js';
import { PURGE, REPAIR_DISK, type ActionEntry, type Registry } from './registry-shapes.js';

/** Faults that end the process of a VM. */
const DEATHS = new Set(['kill-vm', 'kill-host', 'kill-everything']);
/** A fault is stamped by the soak's clock, a repair by the one of Consul, on the same machine. */
const CLOCKS_APART_MS = 2_000;

export function judgeRepairs(faults: readonly FaultLine[], { internal }: Registry): readonly Finding[] {
  const deaths = faults.filter(({ kind, what }) => what === 'begin' && DEATHS.has(kind)).map(({ at }) => at);
  const repairs = internal.filter(({ type }) => type !== PURGE);
  return repairs.flatMap((repair) => whyWrong(repair, { repairs, deaths }) ?? []);
}

function whyWrong(
  repair: ActionEntry,
  { deaths, repairs }: { deaths: readonly number[]; repairs: readonly ActionEntry[] },
): Finding | null {
  const { n, resource, startedAt, type } = repair;
  const a3 = (what: string): Finding => ({ rule: 'A3', what, volume: resource });
  if (type !== REPAIR_DISK) return a3(`action ${n}, ${type}, repairs what no fault has harmed`);
  const before = deaths.filter((at) => at <= startedAt + CLOCKS_APART_MS).length;
  if (before === 0) return a3(`action ${n} repairs a disk, and no VM had died`);
  const done = repairs.filter((one) => one.resource === resource && one.status === 'completed');
  const place = done.filter((one) => one.startedAt <= startedAt).length;
  if (repair.status !== 'completed' || place <= before) return null;
  return a3(`action ${n} repairs its disk for the ${place}. time, and VMs had died ${before} times`);
}
