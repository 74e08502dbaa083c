import { createHash } from 'node:crypto';
import { heldNameKey, isUuid, parseHeldName, sorted } from '@plumbline/domain';
import type {
  AccountId,
  AnyFacet,
  HeldName,
  RegionSlug,
  Source,
  VolumeId,
  VolumeRecord,
} from '@plumbline/domain';
import { AFTER_ALL, inBunches, paced, prefixesByAccount } from './parts.js';
import type { ByRegistry } from './parts.js';

/** Records read together. */
const RECORDS_AT_ONCE = 32;

type Held = HeldName & { readonly volume: string };

/**
 * The reserved names. They stand in the order of their hashes, so a listing sorts them by the volumes that hold them, and
 * reads each volume's record, which alone tells the name itself.
 */
export function nameSource(by: ByRegistry, facet: AnyFacet): Source {
  return {
    facet,
    async observe({ key }) {
      const held = parseHeldName(key);
      const place = by.layout.heldName(held);
      const own = isUuid(held.volume) ? [by.layout.volume(held.account, held.volume as VolumeId)] : [];
      const [entry, record] = await by.kv.read([place, ...own]);
      if (!entry) return null;
      const named = record ? by.layout.heldName(JSON.parse(record.value) as VolumeRecord) === place : false;
      return { volume: entry.value, own: entry.value === held.volume, named };
    },
    async *list(_signal, _unasked, turn) {
      const from = paced(by, turn);
      for await (const some of inBunches(heldByVolume(from), RECORDS_AT_ONCE)) {
        const names = await namesIn(from, some);
        for (const held of some) {
          const name = names.get(heldNameKey(held.volume, held));
          yield {
            key: heldNameKey(held.volume, { ...held, name: name ?? held.name }),
            seen: { volume: held.volume, own: true, named: name !== undefined },
          };
        }
      }
    },
  };
}

/** One text for each is all that is held of many. */
async function* heldByVolume(by: ByRegistry): AsyncGenerator<Held> {
  const texts = async function* () {
    for await (const held of heldNames(by))
      yield `${isUuid(held.volume) ? '' : AFTER_ALL} ${heldNameKey(held.volume, held)}`;
  };
  for await (const text of sorted(texts, (same) => same))
    yield parseHeldName(text.slice(text.indexOf(' ') + 1));
}

async function* heldNames({ kv, layout }: ByRegistry): AsyncGenerator<Held> {
  const below = async (account: string): Promise<readonly string[]> => {
    const regions = await kv.folders(account);
    return (await Promise.all(regions.map((region) => kv.folders(region)))).flat();
  };
  for await (const prefix of prefixesByAccount({ kv, layout }, layout.names, below)) {
    const [entries = []] = await kv.readTrees([prefix]);
    for (const { key, value } of entries) {
      const [account, region, , hash] = key.slice(layout.names.length).split('/');
      // Parts of a key that was made of these.
      if (account && region && hash)
        yield {
          volume: value,
          account: account as AccountId,
          region: region as RegionSlug,
          name: `=${hash}`,
        };
    }
  }
}

/** The names themselves, where they are those of the records. */
async function namesIn(by: ByRegistry, some: readonly Held[]): Promise<ReadonlyMap<string, string>> {
  const ours = some.filter(({ volume }) => isUuid(volume));
  const keys = new Set(ours.map(({ account, volume }) => by.layout.volume(account, volume as VolumeId)));
  const entries = keys.size === 0 ? [] : await by.kv.read([...keys]);
  const records = entries.flatMap((entry) => (entry ? [JSON.parse(entry.value) as VolumeRecord] : []));
  return new Map(
    records.map(({ account, id, name, region }) => [
      heldNameKey(id, { account, region, name: `=${sha256(name)}` }),
      name,
    ]),
  );
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
