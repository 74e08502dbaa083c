import { isUuid, sorted, volumeIdOf } from '@plumbline/domain';
import type {
  AccountId,
  AnyFacet,
  Journal,
  Json,
  Lane,
  ResourceName,
  Snapshot,
  Source,
  VolumeId,
} from '@plumbline/domain';
import type { Kv } from '../kv.js';
import { createJournal } from '../journal.js';
import type { Layout } from '../layout.js';
import { inParts, paced } from './parts.js';
import type { ByRegistry } from './parts.js';
import { recordKeys } from './records.js';
import type { RecordKey } from './records.js';

/** Records of which the owner is not told, known at once: more than that is no drift. */
const ASTRAY_MAX = 10_000;

/**
 * Accounts of records that their owner's key does not lead to. Whoever reads a volume asks that key where its record is; of
 * these it is known only because all records were listed.
 */
export class AstrayRecords {
  private readonly accounts = new Map<VolumeId, AccountId>();

  accountOf(volume: VolumeId): AccountId | undefined {
    return this.accounts.get(volume);
  }

  note(volume: VolumeId, account: AccountId): void {
    if (this.accounts.size < ASTRAY_MAX) this.accounts.set(volume, account);
  }

  forget(volume: VolumeId): void {
    this.accounts.delete(volume);
  }
}

/**
 * Reads also what is astray, by a journal of its own: what another has remembered of the owner may be what is wrong. What
 * cannot be read at all is passed over, as what somebody is at work on, so that it holds up nobody else's pass.
 */
export function readingAstray(
  by: { kv: Kv; layout: Layout },
  journal: Pick<Journal, 'read'>,
  astray: AstrayRecords,
): Pick<Journal, 'read'> {
  return {
    async read(resource, hint) {
      const account = astray.accountOf(volumeIdOf(resource));
      try {
        if (account === undefined) return await journal.read(resource, hint);
        return await createJournal({ ...by, nonce: () => '' }).read(resource, account);
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error;
        return unreadable(resource);
      }
    },
  };
}

function unreadable(resource: ResourceName): Snapshot {
  const lane: Lane = { resource, account: '' as AccountId, entries: [] };
  const none = { record: null, recordIndex: 0, laneIndex: 0, tombstone: null, tombstoneIndex: 0 };
  return { resource, lane, ...none };
}

/**
 * The owners beside the keys of all records, of which each must be led to by one: a record without an owner is listed as
 * nothing seen, so that it is looked at. Owners without a record are right, and there are as many as there ever were volumes:
 * they are passed over.
 */
export function ownerSource(by: ByRegistry, facet: AnyFacet, astray: AstrayRecords): Source {
  const { kv, layout } = by;
  return {
    facet,
    async observe({ key }) {
      const [entry] = await kv.read([layout.owner(key as VolumeId)]);
      return entry ? { account: entry.value } : null;
    },
    async *list(_signal, _unasked, turn) {
      const from = paced(by, turn);
      const strangers: { key: string; seen: Json }[] = [];
      const records = recordsById(from);
      for await (const [owner, record] of paired(owners(from), records)) {
        const key = (owner ?? record)?.id ?? '';
        const seen = owner && { account: owner.account };
        if (!isUuid(key)) strangers.push({ key, seen });
        else {
          if (record === null || record.account === owner?.account) astray.forget(key as VolumeId);
          else astray.note(key as VolumeId, record.account as AccountId);
          if (record !== null) yield { key, seen };
        }
      }
      yield* strangers;
    },
  };
}

/** Stands before all that an id or an account may have been written with. */
const BETWEEN = '\0';

/** One text for each is all that is held of many. */
async function* recordsById(by: ByRegistry): AsyncGenerator<RecordKey> {
  const texts = async function* () {
    for await (const { account, id } of recordKeys(by)) yield `${id}${BETWEEN}${account}`;
  };
  for await (const text of sorted(texts, (same) => same)) {
    const [id = '', account = ''] = text.split(BETWEEN);
    yield { id, account };
  }
}

async function* owners(by: ByRegistry): AsyncGenerator<RecordKey> {
  for await (const { key, value } of inParts(by, by.layout.owners))
    yield { id: key.slice(by.layout.owners.length), account: value };
}

/** Merges two sorted listings by their ids. Of two records of one id the last is told of. */
async function* paired(
  one: AsyncGenerator<RecordKey>,
  other: AsyncGenerator<RecordKey>,
): AsyncGenerator<readonly [RecordKey | null, RecordKey | null]> {
  const next = async (of: AsyncGenerator<RecordKey>): Promise<RecordKey | null> => {
    const result = await of.next();
    return result.done === true ? null : result.value;
  };
  let [left, right] = [await next(one), await next(other)];
  while (left !== null || right !== null) {
    const id = right === null || (left !== null && left.id < right.id) ? left!.id : right.id;
    const owner = left?.id === id ? left : null;
    let record: RecordKey | null = null;
    if (owner !== null) left = await next(one);
    while (right?.id === id) {
      record = right;
      right = await next(other);
    }
    yield [owner, record];
  }
}
