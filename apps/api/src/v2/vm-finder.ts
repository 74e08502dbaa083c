import { Refusal, notFound } from '@plumbline/domain';
import type { AccountId, VmId, VmRecord } from '@plumbline/domain';
import type { Vms } from '@plumbline/registry';

export interface VmFilter {
  readonly name: string | null;
  readonly tag: string | null;
  readonly type: string | null;
}

const NUMBER = /^[1-9][0-9]{0,9}$/;
export const VM_ID_MAX = 2 ** 31 - 1;

/** Finds VMs as customers name them: one's own. */
export class VmFinder {
  constructor(private readonly vms: Vms) {}

  /** @throws Refusal `not_found` */
  async one(account: AccountId, n: string): Promise<VmRecord> {
    const id = vmIdOf(n);
    const vm = id === null ? null : await this.vms.find(id);
    if (vm?.account !== account) throw notFound();
    return vm;
  }

  /** @throws Refusal */
  async matching(account: AccountId, { name, tag, type }: VmFilter): Promise<readonly VmRecord[]> {
    if (tag !== null && (name !== null || type !== null))
      throw new Refusal('unprocessable_entity', 'tag_name must not go together with name or type', {
        field: 'tag_name',
      });
    if (tag !== null || type === 'gpus') return [];
    const own = (await this.vms.list()).filter((vm) => vm.account === account);
    const wanted = name?.toLowerCase();
    return wanted === undefined ? own : own.filter((vm) => vm.name.toLowerCase() === wanted);
  }
}

export function vmIdOf(text: string): VmId | null {
  const n = NUMBER.test(text) ? Number(text) : 0;
  return n >= 1 && n <= VM_ID_MAX ? (n as VmId) : null;
}
