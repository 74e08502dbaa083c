import type {
  Backend,
  Change,
  HeadChange,
  Journal,
  Place,
  SourceClient,
  WriteOutcome,
} from '@plumbline/domain';
import type { Instrument } from '@plumbline/worker';
import { Heads, doingOfWrite } from './heads.js';
import type { Points } from './points.js';
import { isUnfinished, refuseWriteAs, rejected, struckCall } from './struck.js';

/** Stands between a worker of lanes and what it works with: the journal, and its source's facets. */
export function laneInstrument(points: Points): Instrument<SourceClient> {
  const heads = new Heads();
  return {
    process(process) {
      points.hello(process.registry.boots.boot);
      return { ...process, journal: struckJournal(process.journal, heads, points) };
    },
    client: (client) => ({
      name: client.name,
      ...(client.partOf === undefined ? {} : { partOf: client.partOf.bind(client) }),
      facets: new Map(
        [...client.facets].map(([name, backend]) => [name, struckBackend(backend, heads, points)]),
      ),
      ping: (signal) => client.ping(signal),
      catchUp: (signal) => client.catchUp(signal),
      close: () => client.close(),
    }),
  };
}

function struckBackend(backend: Backend, heads: Heads, points: Points): Backend {
  const struck = async <T>(
    how: 'observe' | 'apply' | 'undo',
    { place, signal }: { place: Place; signal: AbortSignal },
    call: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> => {
    const doing = heads.doingOf(backend.facet, place, how);
    if (doing === null) return await call(signal);
    const result = await struckCall(points, { doings: [doing], signal, deny: rejected, call });
    if (!isUnfinished(result)) heads.note({ doing, repeat: () => call(AbortSignal.timeout(REPEAT_MS)) });
    return result;
  };
  return {
    facet: backend.facet,
    observe: (place, signal) => struck('observe', { place, signal }, (own) => backend.observe(place, own)),
    apply: (place: Place, change: Change, signal) =>
      struck('apply', { place, signal }, (own) => backend.apply(place, change, own)),
    undo: (place: Place, change: Change, signal) =>
      struck('undo', { place, signal }, (own) => backend.undo(place, change, own)),
    list: (signal) => backend.list(signal),
    idle: (place) => backend.idle(place),
  };
}

const REPEAT_MS = 10_000;

function struckJournal(journal: Journal, heads: Heads, points: Points): Journal {
  return {
    async read(resource, account) {
      const snapshot = await journal.read(resource, account);
      heads.learn(snapshot);
      return snapshot;
    },
    write: (change) => struckWrite(journal, change, { heads, points }),
    admit: (admission) => journal.admit(admission),
    vm: (id) => journal.vm(id),
  };
}

/** A write is a move of its own, the ledger's line of calls before it, or both. */
async function struckWrite(
  journal: Journal,
  change: HeadChange,
  { heads, points }: { heads: Heads; points: Points },
): Promise<WriteOutcome> {
  const noted = heads.takeReturned(change.from.resource);
  const lines = noted.map(({ doing }) => doing);
  const own = doingOfWrite(change);
  refuseWriteAs(await points.askAll('writing', lines));
  if (own !== null) refuseWriteAs(await points.ask('before', own));
  const writing = journal.write(change);
  if (own !== null) points.tell('sent', own);
  const outcome = await writing;
  heads.learn('written' in outcome ? outcome.written : outcome.conflict);
  if ('conflict' in outcome) {
    for (const one of noted) heads.note(one);
    return outcome;
  }
  if (own !== null) {
    points.tell('returned', own);
    const directive = await points.ask('after', own);
    if (directive === 'again' && 'written' in (await journal.write(change))) points.tell('doubled', own);
    refuseWriteAs(directive);
  }
  const directive = await points.askAll('written', lines);
  // An attempt is not over while its turn lasts: its own late effect may follow its own line of the ledger.
  if (directive === 'again') for (const { repeat } of noted) await repeat();
  refuseWriteAs(directive);
  return outcome;
}
