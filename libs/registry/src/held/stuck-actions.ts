import {
  NUMBERS_PER_MS,
  actionKeyOf,
  isUuid,
  parseActionKey,
  volumeIdOf,
  volumeResource,
} from '@plumbline/domain';
import type {
  AccountId,
  ActionNumber,
  ActionOfVolume,
  ActionRecord,
  AnyFacet,
  Instant,
  Json,
  Lane,
  Source,
  VolumeId,
} from '@plumbline/domain';
import { numbersIn } from '../volume-intents.js';
import { accountsIn, paced, parsed } from './parts.js';
import type { ByRegistry } from './parts.js';

/** Actions read together. */
const ACTIONS_AT_ONCE = 32;
/** Told of in one listing: more than that is no drift. */
const FOUND_MAX = 10_000;
/** A later action's number may be lower by so much, because it was made by another process's clock. */
const LATE = 60_000 * NUMBERS_PER_MS;

type ByClock = ByRegistry & { readonly now: () => Instant };

/**
 * Customers' actions that are in progress, and whose intents no lane holds. There are as many actions as there ever were
 * wishes, so a listing begins where the one before found that all had ended, and the first with the last day or two.
 */
export function stuckActionSource(by: ByClock, facet: AnyFacet): Source {
  /** Up to which number all of an account's actions have ended. What has ended is never in progress again. */
  const endedTo = new Map<AccountId, number>();
  return {
    facet,
    observe: ({ key }) => stuck(by, parseActionKey(key)),
    async *list(_signal, _unasked, turn) {
      const from = paced(by, turn);
      const found: { key: string; seen: Json }[] = [];
      for (const account of await accountsIn(from))
        for await (const one of inProgress(from, account, endedTo)) {
          const seen = isUuid(one.volume) && found.length < FOUND_MAX ? await stuck(from, one) : null;
          if (seen !== null) found.push({ key: actionKeyOf(one), seen });
        }
      yield* found.sort((one, other) => (one.key < other.key ? -1 : 1));
    },
  };
}

async function* inProgress(
  { kv, layout, now }: ByClock,
  account: AccountId,
  endedTo: Map<AccountId, number>,
): AsyncGenerator<ActionOfVolume> {
  const known = endedTo.get(account) ?? 0;
  const numbers: ActionNumber[] = [];
  for (const span of layout.actionsAbout(account, now()).toReversed())
    for (const n of numbersIn(await kv.keys(span), layout.actionsOf(account))) if (n > known) numbers.push(n);
  let ended = (numbers.at(-1) ?? known) - LATE;
  for (let at = 0; at < numbers.length; at += ACTIONS_AT_ONCE) {
    const entries = await kv.read(
      numbers.slice(at, at + ACTIONS_AT_ONCE).map((n) => layout.action(account, n)),
    );
    for (const entry of entries) {
      const action = entry && parsed<ActionRecord>(entry.value);
      if (action?.status !== 'in-progress') continue;
      ended = Math.min(ended, action.n - 1);
      yield { account, n: action.n, volume: volumeIdOf(action.resource) };
    }
  }
  if (ended > known) endedTo.set(account, ended);
}

/** Its lane as it stood at the same instant: the transaction that takes an intent out of it writes the action's end. */
async function stuck({ kv, layout }: ByRegistry, { account, n, volume }: ActionOfVolume): Promise<Json> {
  const id = volume as VolumeId;
  const [entry, standing, listed] = await kv.read([
    layout.action(account, n),
    layout.lane(volumeResource(id)),
    layout.volumeAction(id, n),
  ]);
  const action = entry ? parsed<ActionRecord>(entry.value) : null;
  if (action?.status !== 'in-progress') return null;
  // A lane that cannot be read may hold anything.
  const lane = standing ? parsed<Lane>(standing.value) : { entries: [] };
  if (lane === null || lane.entries.some(({ intent }) => intent === action.intent)) return null;
  return { intent: action.intent, kind: action.kind, ended: Boolean(listed) };
}
