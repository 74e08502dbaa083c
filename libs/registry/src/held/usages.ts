import { TransientError } from '@plumbline/domain';
import type { AccountId, AnyFacet, Lane, Source, VolumeRecord } from '@plumbline/domain';
import type { KvEntry } from '../kv.js';
import { accountsIn, inParts, likely, paced, parsed, withDigits } from './parts.js';
import type { ByRegistry } from './parts.js';

// No interfaces: as what was seen they must pass for JSON.
type Counts = { readonly volumes: number; readonly gib: number };
type Counted = { readonly counted: Counts; readonly recorded: Counts };

/** What is counted of each account, where that is wrong. */
export function usageSource(by: ByRegistry, facet: AnyFacet): Source {
  return {
    facet,
    async observe({ key }) {
      const account = key as AccountId;
      return differing(await count(by, account)) && (await countAtRest(by, account));
    },
    async *list(_signal, _unasked, turn) {
      const from = paced(by, turn);
      for (const account of await accountsIn(from)) {
        const seen = differing(await count(from, account));
        if (seen !== null) yield { key: account, seen };
      }
    },
  };
}

/**
 * Counted where nobody is at work on that account, which is when the two must agree: no lane stands once the counter was read,
 * so whatever changes a record after that was admitted after that, and has changed the counter too.
 * @throws TransientError where somebody is
 */
async function countAtRest(by: ByRegistry, account: AccountId): Promise<Counted | null> {
  const key = by.layout.usage(account);
  const [before] = await by.kv.read([key]);
  for await (const entry of inParts(by, by.layout.lane('volume/')))
    if (accountOf(entry) === account) throw busy(account);
  const seen = await count(by, account);
  const [after] = await by.kv.read([key]);
  if (before?.index !== after?.index) throw busy(account);
  return differing(seen);
}

function busy(account: AccountId): TransientError {
  return new TransientError(`counting what account ${account} has while it changes`, { reason: 'busy' });
}

/** A lane that cannot be read may be anybody's. */
function accountOf({ value }: KvEntry): AccountId | null {
  return parsed<Lane>(value)?.account ?? null;
}

async function count({ kv, layout }: ByRegistry, account: AccountId): Promise<Counted> {
  const [entry] = await kv.read([layout.usage(account)]);
  const counted = entry ? (JSON.parse(entry.value) as Counts) : { volumes: 0, gib: 0 };
  let [volumes, gib] = [0, 0];
  for (const prefix of withDigits(layout.volumesOf(account), likely(counted.volumes))) {
    const [entries = []] = await kv.readTrees([prefix]);
    for (const { value } of entries) {
      volumes += 1;
      gib += (JSON.parse(value) as VolumeRecord).sizeGib;
    }
  }
  return { counted, recorded: { volumes, gib } };
}

function differing(seen: Counted): Counted | null {
  const { counted, recorded } = seen;
  return counted.volumes === recorded.volumes && counted.gib === recorded.gib ? null : seen;
}
