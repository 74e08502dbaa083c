import { notFound, volumeResource } from '@plumbline/domain';
import type { AccountId, ActionNumber, ActionRecord, VolumeId } from '@plumbline/domain';
import { slicePage } from '../http/paging.js';
import type { Page } from '../http/paging.js';
import type { Actions } from '@plumbline/registry';

const NUMBER = /^[1-9][0-9]{0,15}$/;

/** Finds actions by number, and pages through them. A foreign or impossible number is not there, as an unknown one. */
export class ActionFinder {
  constructor(private readonly actions: Actions) {}

  /** @throws Refusal `not_found` */
  async one(account: AccountId, { n, volume }: { n: string; volume?: VolumeId }): Promise<ActionRecord> {
    const found = await this.actions.find(account, numberOf(n));
    if (found === null) throw notFound();
    if (volume !== undefined && found.resource !== volumeResource(volume)) throw notFound();
    return found;
  }

  /** Newest first. The numbers sort as the actions came. */
  async page(
    account: AccountId,
    of: { volume?: VolumeId },
    page: Page,
  ): Promise<{ actions: readonly ActionRecord[]; total: number }> {
    const numbers = await this.actions.numbers(of.volume === undefined ? { account } : { volume: of.volume });
    const newestFirst = [...numbers].reverse();
    const actions = await this.actions.findAll(account, slicePage(newestFirst, page));
    return { actions, total: numbers.length };
  }
}

/** @throws Refusal `not_found` */
function numberOf(text: string): ActionNumber {
  const n = NUMBER.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(n)) throw notFound();
  return n as ActionNumber;
}
