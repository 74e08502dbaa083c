import { setTimeout as sleep } from 'node:timers/promises';
import type { AtRest, HistoryLine } from '@plumbline/soak-checker';
import { volumeIn } from '@plumbline/soak-checker';
import { ApiClient } from '@plumbline/stack';
import { z } from 'zod';
import { now } from './clock.js';
import type { Api, Request, Sender } from './load/api.js';
import type { System } from './system.js';

/** The scrubber counts what it has seen twice, ten seconds apart; what changed during a pass waits for the next. */
const REPORTED_MS = 90_000;
const DONE_MS = 60_000;
const AGAIN_MS = 500;
const TRIES_MAX = 5;

const record = z.object({
  id: z.string(),
  account: z.string(),
  attachment: z.object({ vm: z.number() }).nullable(),
});
const discrepancies = z.object({
  discrepancies: z.array(z.object({ facet: z.string(), class: z.string(), volume: z.string().nullable() })),
});
const acted = z.object({ action: z.object({ id: z.number(), status: z.string() }) });

/** Does what the documentation asks of an operator: gives back the disks that went with a VM. */
export class Operator {
  private readonly ops: ApiClient;

  constructor(
    private readonly system: System,
    private readonly api: Api,
    private readonly write: (line: HistoryLine) => void,
  ) {
    this.ops = new ApiClient(system.variable('PLUMBLINE_OPS_URL'), system.variable('PLUMBLINE_OPS_TOKEN'));
  }

  /** Volumes whose disks went with a VM that was killed, and whose records rightly stand. */
  lostDisks({ registry, disks }: AtRest): readonly { volume: string; account: string; vm: number }[] {
    const emptied = this.system.vms
      .filter(({ name }) => this.system.world.emptiedVms.has(name))
      .map(({ n }) => n);
    const present = new Set(disks.map(({ file }) => volumeIn(file)));
    return [...registry]
      .filter(([key]) => key.startsWith('volumes/'))
      .map(([, value]) => record.parse(value))
      .flatMap(({ id, account, attachment }) =>
        attachment !== null && emptied.includes(attachment.vm) && !present.has(id)
          ? [{ volume: id, account, vm: attachment.vm }]
          : [],
      );
  }

  /** @throws when the scrubber does not report it, or the disk cannot be given back */
  async giveBack(lost: { volume: string; account: string; vm: number }): Promise<void> {
    const { account, vm, volume } = lost;
    await this.until(
      REPORTED_MS,
      `the scrubber to report ${volume}, whose disk VM ${vm} has lost`,
      async () => (await this.missingDisks()).has(volume),
    );
    const why = `VM ${vm} was restarted; the scrubber reports the disk missing`;
    this.write({ line: 'operator', at: now(), did: 'reattach', volume, why });
    const token = this.system.accounts.find(({ id }) => id === account)?.token ?? '';
    const sender: Sender = { client: 'operator', account, token };
    for (const type of ['detach', 'attach']) await this.act(sender, volume, { type, droplet_id: vm });
  }

  private async missingDisks(): Promise<ReadonlySet<string>> {
    const all = discrepancies.parse(await this.ops.ask('GET', '/ops/v1/discrepancies?per_page=200'));
    const missing = all.discrepancies.filter(
      (one) => one.class === 'missing' && one.facet.startsWith('qemu.'),
    );
    return new Set(missing.map(({ volume }) => volume ?? ''));
  }

  private async act(sender: Sender, volume: string, body: object): Promise<void> {
    const request: Request = { method: 'POST', path: `/v2/volumes/${volume}/actions`, body };
    let answer = await this.api.ask(sender, request);
    for (let tries = 1; answer.status !== 202 && tries < TRIES_MAX; tries += 1) {
      await sleep(AGAIN_MS);
      answer = await this.api.ask(sender, request);
    }
    const { action } = acted.parse(answer.answer);
    await this.until(DONE_MS, `action ${action.id} on ${volume} to be done`, async () => {
      const now = await this.api.ask(sender, { method: 'GET', path: `/v2/actions/${action.id}` });
      return acted.safeParse(now.answer).data?.action.status === 'completed';
    });
  }

  private async until(deadlineMs: number, what: string, isSo: () => Promise<boolean>): Promise<void> {
    const end = performance.now() + deadlineMs;
    while (!(await isSo().catch(() => false))) {
      if (performance.now() > end) throw new Error(`waited ${deadlineMs / 1_000} s in vain for ${what}`);
      await sleep(AGAIN_MS);
    }
  }
}
