import type { Kysely } from 'kysely';
import type { Testimony, Witness } from '@plumbline/domain';
import type { BillingTables } from './schema.js';
import { asking } from './subscription.js';

/** What the registry's tick was, in a row of its own, written only over what was read before. */
export class WitnessRow implements Witness {
  readonly name = 'billing';

  constructor(
    private readonly db: Kysely<BillingTables>,
    private readonly registry: string,
  ) {}

  async read(signal: AbortSignal): Promise<Testimony | null> {
    const row = await asking(signal, () =>
      this.db
        .selectFrom('registry_witness')
        .select(['tick', 'halted'])
        .where('registry', '=', this.registry)
        .executeTakeFirst(),
    );
    return row === undefined ? null : { tick: Number(row.tick), halted: row.halted };
  }

  /** A lost answer leaves nothing to be asked about: the next reading tells. */
  async replace(
    { before, after }: { before: Testimony | null; after: Testimony },
    signal: AbortSignal,
  ): Promise<boolean> {
    return await asking(signal, async () =>
      before === null ? await this.#insert(after) : await this.#update(before, after),
    );
  }

  async #insert(after: Testimony): Promise<boolean> {
    const { numInsertedOrUpdatedRows } = await this.db
      .insertInto('registry_witness')
      .values({ registry: this.registry, ...after })
      .onConflict((conflict) => conflict.column('registry').doNothing())
      .executeTakeFirstOrThrow();
    return numInsertedOrUpdatedRows === 1n;
  }

  async #update(before: Testimony, after: Testimony): Promise<boolean> {
    const { numUpdatedRows } = await this.db
      .updateTable('registry_witness')
      .set({ ...after })
      .where('registry', '=', this.registry)
      .where('tick', '=', String(before.tick))
      .where('halted', '=', before.halted)
      .executeTakeFirstOrThrow();
    return numUpdatedRows === 1n;
  }
}
