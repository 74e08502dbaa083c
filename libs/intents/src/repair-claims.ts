import { defineIntent, parseHeldName, volume, volumeResource } from '@plumbline/domain';
import { z } from 'zod';
import { actionNumber, vmId, volumeId, EXAMPLE_VOLUME } from './fields.js';

const params = z.object({
  volumeId,
  /** Keys of names and numbers of VMs that hold something for the volume that its record does not name. */
  names: z.array(z.string()),
  vms: z.array(vmId),
  /** Numbers of customers' actions that are in progress, and whose intents are in no lane. */
  actions: z.array(actionNumber),
});

/**
 * Puts right what a volume holds in the registry itself: its owner, its name and its VM's slot are taken again exactly as its
 * record says, a tombstone beside the record goes, and what is held for it besides is given back; an action whose intent is lost ends.
 * All of it is the commit.
 */
export const repairClaims = defineIntent<z.infer<typeof params>>({
  kind: 'repair-claims',
  action: 'repair_claims',
  on: 'any',
  internal: true,
  params,
  example: { volumeId: EXAMPLE_VOLUME, names: [], vms: [], actions: [] },
  resource: (p) => volumeResource(p.volumeId),
  refuse: () => null,
  plan: (p) => ({
    prepare: [],
    commit: volume(p.volumeId).becomes((now) => now),
    givesBack: { names: p.names.map(parseHeldName), vms: p.vms, actions: p.actions },
  }),
});
