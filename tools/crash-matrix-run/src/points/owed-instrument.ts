import type { BillingClient } from '@plumbline/billing-adapter';
import type { OwedFact } from '@plumbline/domain';
import type { Kv, Transaction } from '@plumbline/registry';
import type { Instrument } from '@plumbline/worker';
import type { Points } from './points.js';
import { refuseWriteAs, refusedForNow, struckCall } from './struck.js';
import type { Doing } from './wire.js';

/** Stands between the billing worker, its journal in PostgreSQL, and the keys of what is owed. */
export function owedInstrument(points: Points): Instrument<BillingClient> {
  return {
    process(process) {
      points.hello(process.registry.boots.boot);
      return { ...process, registry: { ...process.registry, kv: struckKv(process.registry.kv, points) } };
    },
    client: (client) => ({
      ...client,
      record: (facts: readonly OwedFact[]) =>
        struckCall(points, {
          doings: facts.map(({ resource }) => owed(resource)),
          signal: AbortSignal.timeout(STATEMENT_MS),
          deny: refusedForNow,
          call: () => client.record(facts),
        }),
    }),
  };
}

/** As long as the worker itself waits for a statement. */
const STATEMENT_MS = 10_000;

function owed(resource: string): Doing {
  return { resource, kind: 'owed', intent: '', move: 'owed', turn: 0, changes: true };
}

function struckKv(kv: Kv, points: Points): Kv {
  return {
    read: (keys) => kv.read(keys),
    readTrees: (prefixes) => kv.readTrees(prefixes),
    async keys(prefix) {
      if (/owed\/\w+\/$/.test(prefix)) await points.ask('drain', owed(''));
      return await kv.keys(prefix);
    },
    folders: (prefix) => kv.folders(prefix),
    async transact(transaction) {
      const learnt = removedOf(transaction).map(owed);
      refuseWriteAs(await points.askAll('writing', learnt));
      const outcome = await kv.transact(transaction);
      const directive = await points.askAll('written', learnt);
      if (directive === 'again') await kv.transact(transaction);
      refuseWriteAs(directive);
      return outcome;
    },
  };
}

/** The resources whose facts a transaction takes off the list. */
function removedOf({ ops }: Transaction): readonly string[] {
  return ops.flatMap(({ verb, key }) => {
    const found = /owed\/\w+\/(volume\/[0-9a-f-]{36})\//.exec(key)?.[1];
    return verb === 'delete' && found !== undefined ? [found] : [];
  });
}
