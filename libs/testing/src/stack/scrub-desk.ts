import type { Brake, DiscrepancyRecord, FacetName, Instant, PassReport } from '@plumbline/domain';
import { lineFound } from './drifts.js';
import type { System } from './system.js';

const PER_PAGE = 200;
const PAGES_MAX = 60;
const OPERATOR = { by: 'a person', reason: 'meant' };

/** What the API says of the scrubber, as far as it is asked for here. */
interface Shown {
  readonly now: Instant;
  readonly status: { readonly leader: string; readonly last: PassReport | null } | null;
  readonly brakes: readonly Brake[];
}

interface ShownHalt {
  readonly halted: boolean;
  readonly registryTick: number | null;
  readonly witnesses?: Readonly<Record<string, number>>;
}

export type ShownDiscrepancy = DiscrepancyRecord & { readonly id: string };

/** An operator at the scrubber: nothing but what the API tells and takes. */
export class ScrubDesk {
  constructor(private readonly system: System) {}

  scrub(): Promise<Shown> {
    return this.ask<Shown>('GET', 'scrub');
  }

  async discrepancies(query = ''): Promise<readonly ShownDiscrepancy[]> {
    const all: ShownDiscrepancy[] = [];
    for (let page = 1; page <= PAGES_MAX; page += 1) {
      const path = `discrepancies?page=${page}&per_page=${PER_PAGE}${query}`;
      const answer = await this.ask<{
        discrepancies: readonly ShownDiscrepancy[];
        meta: { total: number };
      }>('GET', path);
      all.push(...answer.discrepancies);
      if (answer.discrepancies.length === 0 || all.length >= answer.meta.total) break;
    }
    return all;
  }

  /** Where all stand, in the words of `linesExpected`. */
  async lines(): Promise<readonly string[]> {
    return (await this.discrepancies()).map(lineFound);
  }

  /** What is wrong now: neither repaired nor accepted. */
  async wrong(): Promise<readonly ShownDiscrepancy[]> {
    return (await this.discrepancies()).filter(({ state }) => state !== 'repaired' && state !== 'accepted');
  }

  async release(facet: FacetName): Promise<void> {
    await this.ask('POST', `scrub/brakes/${facet}/release`, OPERATOR);
  }

  async reopen({ id }: ShownDiscrepancy): Promise<void> {
    await this.ask('POST', `discrepancies/${id}/reopen`, OPERATOR);
  }

  /** Takes back a parked intent. */
  async undo(intent: string): Promise<void> {
    await this.ask('POST', `intents/${intent}/undo`, OPERATOR);
  }

  async throttle(source: string, paused: boolean): Promise<void> {
    await this.ask('PATCH', `throttles/${source}`, { by: OPERATOR.by, paused });
  }

  /** While it is paused nothing is repaired; looking goes on. */
  async pause(paused: boolean): Promise<void> {
    await this.ask('PATCH', 'scrub/settings', { by: OPERATOR.by, paused });
  }

  async endHalt(): Promise<void> {
    await this.ask('POST', 'halt', OPERATOR);
  }

  halt(): Promise<ShownHalt> {
    return this.ask('GET', 'halt');
  }

  private async ask<T>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await this.system.operate<T>(method, path, body);
    if (answer.status < 300) return answer.body;
    throw new Error(`${method} ${path} was answered ${answer.status}: ${JSON.stringify(answer.body)}`);
  }
}
