/** V4 and V5, from what QEMU said while all went on: a volume is a disk in one VM at a time, and never becomes smaller. */
import type { Finding } from './finding.js';
import type { LookLine } from './history.js';
import type { Reading } from './history-file.js';
import type { Registry } from './registry-shapes.js';
import { volumeIn } from './rest.js';

/** A commit's instant is of the clock of the process that made it, which may be as far off as this. */
const CLOCKS_OFF_MS = 10_000;

export function judgeDisks(looks: readonly LookLine[], registry: Registry): readonly Finding[] {
  const inOrder = [...looks].sort((one, other) => one.from - other.from);
  return [...inOrder.flatMap(twiceInOne), ...inTwo(inOrder, registry), ...shrunken(inOrder)];
}

function volumesIn({ disks }: LookLine): readonly string[] {
  return disks.flatMap(({ file }) => volumeIn(file) ?? []);
}

function twiceInOne(look: LookLine): readonly Finding[] {
  const volumes = volumesIn(look);
  const twice = volumes.filter((volume, at) => volumes.indexOf(volume) !== at);
  return twice.map((volume) => ({ rule: 'V4', what: `VM ${look.vm} has it twice, at ${look.from}`, volume }));
}

/**
 * Seen in one VM, then in another, then still in the first: either it was in both, or it went to the other and came back in
 * between, which needs two detaches.
 */
function inTwo(looks: readonly LookLine[], { actions }: Registry): readonly Finding[] {
  return looks.flatMap((first, at): Finding[] => {
    const [second, third] = [looks[at + 1], looks[at + 2]];
    if (second === undefined || third === undefined) return [];
    if (first.vm !== third.vm || first.vm === second.vm) return [];
    const cameBack = (volume: string) =>
      actions.filter(
        ({ completedAt, resource, type }) =>
          resource === volume &&
          type === 'detach_volume' &&
          completedAt !== null &&
          completedAt > first.from - CLOCKS_OFF_MS &&
          completedAt < third.to + CLOCKS_OFF_MS,
      ).length >= 2;
    const [there, still] = [volumesIn(second), volumesIn(third)];
    return volumesIn(first)
      .filter((volume) => there.includes(volume) && still.includes(volume) && !cameBack(volume))
      .map((volume) => ({
        rule: 'V4',
        what: `is in VM ${first.vm} and in VM ${second.vm}, at ${second.from}`,
        volume,
      }));
  });
}

function shrunken(looks: readonly LookLine[]): readonly Finding[] {
  const sizes = looks.flatMap(({ disks, from }) =>
    disks.flatMap(({ file, sizeGib }) => {
      const volume = volumeIn(file);
      return volume === undefined ? [] : [{ volume, sizeGib, where: `in its VM, at ${from}` }];
    }),
  );
  return smaller(sizes);
}

/** Images, from one rest to the next. */
export function judgeImages(readings: readonly Reading[]): readonly Finding[] {
  const sizes = readings.flatMap(({ line, seen }) =>
    seen.images.flatMap(({ name, opened }) => {
      const volume = volumeIn(name);
      return volume === undefined || opened === null
        ? []
        : [{ volume, sizeGib: opened.sizeGib, where: `in Ceph, after minute ${line.round}` }];
    }),
  );
  return smaller(sizes);
}

function smaller(
  sizes: readonly { readonly volume: string; readonly sizeGib: number; readonly where: string }[],
): readonly Finding[] {
  const largest = new Map<string, number>();
  return sizes.flatMap(({ sizeGib, volume, where }): Finding[] => {
    const before = largest.get(volume) ?? 0;
    largest.set(volume, Math.max(before, sizeGib));
    return sizeGib < before
      ? [{ rule: 'V5', what: `shrank from ${before} to ${sizeGib} GiB ${where}`, volume }]
      : [];
  });
}
