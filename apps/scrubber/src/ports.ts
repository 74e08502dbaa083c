import { Refusal } from '@plumbline/domain';
import type { AccountId, AccountRecord, ResourceName, Source, SourceName } from '@plumbline/domain';
import { admit, definitionOf } from '@plumbline/engine';
import type { Filing, RequestPorts, ScrubberPorts } from '@plumbline/engine';
import { monotonicMs, sleep, withDeadline } from '@plumbline/platform';
import {
  Discrepancies,
  RegistryAccounts,
  ScrubDesk,
  intentsOf,
  readingAstray,
  recordedVolumeIds,
} from '@plumbline/registry';
import { engineContext } from '@plumbline/worker';
import type { AstrayRecords } from '@plumbline/registry';
import type { Process } from '@plumbline/worker';

/** Nobody's request. */
const REQUEST_ID = 'scrubber';

/** The scrubber's ports, as a process has them. */
export function scrubberPorts(
  process: Process,
  by: Pick<ScrubberPorts, 'volumesPerSecond' | 'sourcesPerSecond' | 'silenceMs' | 'repairsPerHour'> & {
    readonly sources: readonly Source[];
    readonly astray: AstrayRecords;
  },
): RequestPorts {
  const { config, journal, log, registry } = process;
  const { kv, layout } = registry;
  const { astray, ...rest } = by;
  const { read } = readingAstray(registry, journal, astray);
  const context = {
    ...engineContext(process),
    // What is found must be what is filed for, wherever the owner's key leads.
    journal: {
      read,
      admit: journal.admit.bind(journal),
      write: journal.write.bind(journal),
      vm: journal.vm.bind(journal),
    },
  };
  const accounts = new RegistryAccounts(kv, layout);
  return {
    ...rest,
    name: config.name,
    journal: { read },
    log,
    volumeIds: (after, turn) => recordedVolumeIds(registry, after, turn),
    isOwed: async (source: SourceName, resource: ResourceName) =>
      (await kv.keys(layout.owedOf(source, resource))).length > 0,
    intents: (volume) => intentsOf(registry, volume),
    book: new Discrepancies(registry),
    desk: new ScrubDesk(registry),
    async file({ account, kind, onlyIf, params }: Filing) {
      const definition = definitionOf(context.rules.catalog, kind);
      const of = await accountOf(accounts, account);
      const { action } = await admit(context, {
        definition,
        params: definition.params.parse(params),
        account: of,
        requestId: REQUEST_ID,
        onlyIf,
      });
      return action.intent;
    },
    revFloor: () => registry.halts.revFloor,
    monotonicMs,
    now: () => registry.boots.registryNow(),
    sleep: (ms, signal) => sleep(ms, signal),
    within: withDeadline,
  };
}

/** An account that was closed still has what it left over. */
async function accountOf(accounts: RegistryAccounts, id: AccountId): Promise<AccountRecord> {
  const account = await accounts.find(id);
  if (account === null)
    throw new Refusal('not_found', `There is no account ${id}, whose thing is to be repaired.`);
  return account;
}
