import { Refusal, notFound } from '@plumbline/domain';
import type { Region, VmRecord } from '@plumbline/domain';
import type { z } from 'zod';
import type { Accounts, VmBook } from '@plumbline/registry';
import { VM_ID_MAX, vmIdOf } from '../v2/vm-finder.js';
import type { vmBody } from './bodies.js';

interface VmInventoryOptions {
  readonly vms: VmBook;
  readonly accounts: Pick<Accounts, 'find'>;
  readonly regions: readonly Region[];
  readonly now: () => number;
}

/** The VMs that volumes can be attached to. They are made elsewhere; here they are known. */
export class VmInventory {
  constructor(private readonly by: VmInventoryOptions) {}

  async all(): Promise<readonly VmRecord[]> {
    return await this.by.vms.list();
  }

  /** @throws Refusal `not_found` */
  async one(n: string): Promise<VmRecord> {
    const id = vmIdOf(n);
    const vm = id === null ? null : await this.by.vms.find(id);
    if (vm === null) throw notFound();
    return vm;
  }

  /** @throws Refusal naming the field, or because volumes are in it. */
  async enter(n: string, asked: z.infer<typeof vmBody>): Promise<{ vm: VmRecord; made: boolean }> {
    const id = vmIdOf(n);
    if (id === null) throw unprocessable('id', `id must be a whole number from 1 to ${VM_ID_MAX}`);
    await this.refuseUnknown(asked);
    let made = false;
    const vm = await this.by.vms.put(id, (before) => {
      made = before === null;
      if (before !== null) refuseMove(before, asked);
      return { ...asked, id, createdAt: before?.createdAt ?? this.by.now(), slots: before?.slots ?? {} };
    });
    return { vm, made };
  }

  private async refuseUnknown({ account, host, region }: z.infer<typeof vmBody>): Promise<void> {
    const { regions } = this.by;
    const of = regions.find(({ slug }) => slug === region);
    if (of === undefined)
      throw unprocessable('region', `region must be one of ${regions.map(({ slug }) => slug).join(', ')}`);
    if (!of.hosts.includes(host))
      throw unprocessable('host', `host must be one of the hosts of ${region}: ${of.hosts.join(', ')}`);
    if ((await this.by.accounts.find(account)) === null)
      throw unprocessable('account', 'account must be the id of an account');
  }
}

/** Its devices are where its record says: with volumes in it, it stays there. */
function refuseMove(before: VmRecord, after: z.infer<typeof vmBody>): void {
  if (Object.keys(before.slots).length === 0) return;
  for (const field of ['region', 'host', 'account'] as const)
    if (before[field] !== after[field])
      throw new Refusal('conflict', `${field} cannot be changed while the VM holds volumes.`, { field });
}

function unprocessable(field: string, message: string): Refusal {
  return new Refusal('unprocessable_entity', message, { field });
}
