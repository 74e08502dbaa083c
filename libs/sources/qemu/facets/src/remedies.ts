import type { Finding, Json, Remedy } from '@plumbline/domain';
import { parseDiskKey } from './keys.js';

/** What is done about a disk's parts: whichever of the two is found wrong, both are put right together. */
export function diskRemedies(part: 'device' | 'node'): readonly Remedy[] {
  return [
    {
      name: `${part}-lost`,
      class: 'missing',
      does: 'repair',
      files: { kind: 'repair-disk', params: ofVolume },
      why: 'the record says that it belongs there: the VM was restarted, and it is attached again',
    },
    {
      name: `${part}-broken`,
      class: 'different',
      does: 'repair',
      files: { kind: 'repair-disk', params: ofVolume },
      why: 'no guest can use it: it is taken away and made anew',
    },
    {
      name: `${part}-left`,
      class: 'unexpected',
      when: isOurs,
      does: 'repair',
      files: { kind: 'repair-unplug', params: inVm },
      why: 'no record says that it belongs there: it is unplugged',
    },
    {
      name: `${part}-unknown`,
      class: 'unexpected',
      does: 'report',
      why: 'no volume of ours ever had it: somebody else plugged it in',
    },
  ];
}

function isOurs({ record, tombstone }: Finding): boolean {
  return record !== null || tombstone !== null;
}

function ofVolume({ volume }: Finding): Json {
  return { volumeId: volume };
}

function inVm({ place: { host, key }, volume }: Finding): Json {
  return { volumeId: volume, vm: parseDiskKey(key).vm, host: host ?? '' };
}
