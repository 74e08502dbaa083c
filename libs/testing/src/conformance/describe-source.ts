/**
 * What must hold of the read half of every adapter, whoever makes the things it reads: looking never writes, a listing is
 * whole and in order, and a source that cannot be asked is never taken for an empty one.
 */
import { TransientError, UncertainError } from '@plumbline/domain';
import type { Facet, FacetName, Json, Place, Source, SourceClient } from '@plumbline/domain';

/** A thing that the suite may make: nobody else's, and not there yet. */
export interface FreshThing extends Place {
  /** Wanted states, the first to be reached from nothing, each further one from the one before it. */
  readonly wants: readonly [Json, ...Json[]];
}

export interface OpenedSource<S extends Source = Source> {
  readonly client: SourceClient<S>;
  readonly facet: FacetName;
  fresh(): FreshThing | Promise<FreshThing>;
  /** Everything that a write would change, read outside the adapter; without it the listing must do. */
  readonly contents?: () => Promise<Json>;
  close(): Promise<void>;
}

export interface SourceSuite<S extends Source = Source> {
  open(): Promise<OpenedSource<S>>;
  /** Keeps the source from being asked, however that is done to it, until the returned function is called. */
  readonly cut?: () => Promise<() => Promise<void>>;
  /** How long a single call may take on a busy machine. */
  callMs?: number;
}

/** Brings a fresh thing to its first wanted state. */
type Make<S extends Source> = (opened: OpenedSource<S>, thing: FreshThing) => Promise<void>;

export const CALL_MS = 15_000;
/** How soon after its signal a call must have ended: it only stops waiting, whatever the source does meanwhile. */
export const ABORTED_WITHIN_MS = 1_000;
/** How long a source is asked in vain. */
const SILENCE_MS = 1_000;
const THINGS_LISTED = 3;

export function describeSource<S extends Source>(
  name: string,
  suite: SourceSuite<S> & { make: Make<S> },
): void {
  const { make, cut, callMs = CALL_MS } = suite;

  describe(name, () => {
    let opened: OpenedSource<S>;
    let source: S;
    let facet: Facet;

    beforeAll(async () => {
      opened = await suite.open();
      ({ backend: source, facet } = facetOf(opened));
    }, 2 * callMs);
    afterAll(() => opened?.close(), 2 * callMs);

    const observe = (place: Place) => observed(source, place, callMs);
    const listed = async () => {
      const all: (Place & { readonly seen: Json })[] = [];
      for await (const thing of source.list(AbortSignal.timeout(4 * callMs))) all.push(thing);
      return all;
    };
    const madeOne = async () => {
      const thing = await opened.fresh();
      await make(opened, thing);
      return thing;
    };

    it(
      'sees nothing where nothing was made',
      async () => {
        const thing = await opened.fresh();
        expect(await observe(thing)).toBeNull();
        expect((await listed()).map(({ key }) => key)).not.toContain(thing.key);
      },
      8 * callMs,
    );

    it(
      'lists everything once, in the order of the volume ids, as observing sees it',
      async () => {
        const things: FreshThing[] = [];
        for (let n = 0; n < THINGS_LISTED; n += 1) things.push(await madeOne());
        const all = await listed();
        const ids = all.map(({ key }) => facet.volumeOf(key));
        const ours = ids.filter((id) => id !== null);
        expect(ids.slice(ours.length).every((id) => id === null)).toBe(true);
        expect(ours).toEqual(ours.toSorted());
        const places = all.map(({ host, key }) => `${host ?? ''} ${key}`);
        expect(new Set(places).size).toBe(places.length);
        for (const thing of things) {
          const found = all.find(({ host, key }) => key === thing.key && host === thing.host);
          expect(found?.seen).toEqual(await observe(thing));
        }
      },
      20 * callMs,
    );

    it(
      'changes nothing by looking',
      async () => {
        const thing = await opened.fresh();
        const made = await madeOne();
        const contents = opened.contents ?? listed;
        const before = await contents();
        await observe(thing);
        await observe(made);
        await listed();
        expect(await contents()).toEqual(before);
      },
      16 * callMs,
    );

    it(
      'answers nothing to a signal that is aborted already',
      async () => {
        const thing = await madeOne();
        const aborted = AbortSignal.abort();
        await expect(within(ABORTED_WITHIN_MS, unanswered(source.observe(thing, aborted)))).resolves.toBe(
          true,
        );
        const first = source.list(aborted)[Symbol.asyncIterator]().next();
        await expect(within(ABORTED_WITHIN_MS, unanswered(first))).resolves.toBe(true);
      },
      6 * callMs,
    );

    it(
      'answers a ping, and catches up with fences',
      async () => {
        const answers = [
          opened.client.ping(AbortSignal.timeout(callMs)),
          opened.client.catchUp(AbortSignal.timeout(callMs)),
        ];
        await expect(Promise.all(answers)).resolves.toEqual([undefined, undefined]);
      },
      3 * callMs,
    );

    if (cut === undefined) return;
    it(
      'never takes silence for absence',
      async () => {
        const thing = await madeOne();
        const before = await observe(thing);
        const heal = await cut();
        try {
          const soon = AbortSignal.timeout(SILENCE_MS);
          const calls = [
            source.observe(thing, soon),
            opened.client.ping(soon),
            source.list(soon)[Symbol.asyncIterator]().next(),
          ];
          expect(await Promise.all(calls.map(unanswered))).toEqual([true, true, true]);
        } finally {
          await heal();
        }
        expect(await observe(thing)).toEqual(before);
      },
      16 * callMs,
    );
  });
}

export function facetOf<S extends Source>(opened: OpenedSource<S>): { backend: S; facet: Facet } {
  const backend = opened.client.facets.get(opened.facet);
  if (backend === undefined) throw new TypeError(`the client has no facet ${opened.facet}`);
  return { backend, facet: backend.facet };
}

/** What is seen, checked by the facet's schema. */
export async function observed(source: Source, place: Place, callMs: number): Promise<Json> {
  const seen = await source.observe(place, AbortSignal.timeout(callMs));
  if (seen !== null) source.facet.seen.parse(seen);
  return seen;
}

/** Whether the call failed as one whose outcome nobody can know, or that did not happen; any answer is a guess. */
async function unanswered(call: Promise<unknown>): Promise<boolean> {
  try {
    await call;
    return false;
  } catch (error) {
    return error instanceof TransientError || error instanceof UncertainError;
  }
}

/** The call's own outcome, or an error when it takes longer. */
export async function within<T>(ms: number, call: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`took longer than ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([call, late]);
  } finally {
    clearTimeout(timer);
  }
}
