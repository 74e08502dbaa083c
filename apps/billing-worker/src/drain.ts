import { drainOwed } from '@plumbline/engine';
import type { OwedPages } from '@plumbline/engine';
import { OwedFacts } from '@plumbline/registry';
import type { Process } from '@plumbline/worker';

/** As many as one transaction of the registry removes. */
const BATCH_MAX = 50;

/** Brings everything that is owed into the journal, as of now. What cannot be recorded stays owed, for a person. */
export async function drain(
  { registry, log, bell }: Process,
  queue: string,
  record: OwedPages['record'],
): Promise<void> {
  const owed = new OwedFacts({ ...registry, source: 'billing' });
  const batches = owed.batches();
  const pages: OwedPages = {
    async page() {
      const next = await batches.next();
      return next.done === true ? [] : next.value;
    },
    record,
    remove: (entries) => owed.remove(entries),
  };
  const { recorded, refused, ended } = await drainOwed(pages, { batchMax: BATCH_MAX });
  for (const { entry, error } of refused)
    log.error(
      { err: error, intentId: entry.fact.intent, resource: entry.fact.resource },
      'owed fact cannot be recorded',
    );
  if (recorded > 0) log.info({ recorded, refused: refused.length }, 'owed facts recorded');
  if (!ended) bell.drain(queue);
}
