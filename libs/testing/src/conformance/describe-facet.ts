/**
 * What makes a client an adapter: the same questions for every facet, on the fake and on the real part. A suite says how
 * to open a connection, and hands out things that nobody else uses, each with a path of wanted states.
 */
import { UncertainError } from '@plumbline/domain';
import type { Applied, Backend, Facet, Json, Place } from '@plumbline/domain';
import { ABORTED_WITHIN_MS, CALL_MS, describeSource, facetOf, observed, within } from './describe-source.js';
import type { OpenedSource, SourceSuite } from './describe-source.js';

export type OpenedFacet = OpenedSource<Backend>;

export interface FacetSuite extends SourceSuite<Backend> {
  /** Whether what was seen after an undo counts as taken back; by default only gone does. */
  readonly takenBack?: (seen: Json) => boolean;
}

/** `{ waitMs }` is answered at most so often before the suite gives up. */
const WAITS_MAX = 100;
/** When calls are abandoned, so as to hit one before, within and after its effect. */
const ABORTS_AFTER_MS = [0, 1, 4, 16];

export function describeFacet(name: string, suite: FacetSuite): void {
  const callMs = suite.callMs ?? CALL_MS;
  const takenBack = suite.takenBack ?? ((seen: Json) => seen === null);

  describeSource(name, {
    ...suite,
    make: async (opened, thing) => {
      const [want] = thing.wants;
      await settled(() =>
        facetOf(opened).backend.apply(thing, { want, before: null }, AbortSignal.timeout(callMs)),
      );
    },
  });

  describe(`${name}, changed`, () => {
    let opened: OpenedFacet;
    let backend: Backend;
    let facet: Facet;

    beforeAll(async () => {
      opened = await suite.open();
      ({ backend, facet } = facetOf(opened));
    }, 2 * callMs);
    afterAll(() => opened?.close(), 2 * callMs);

    const deadline = () => AbortSignal.timeout(callMs);
    const observe = (place: Place) => observed(backend, place, callMs);
    const apply = (place: Place, want: Json, before: Json) =>
      settled(() => backend.apply(place, { want, before }, deadline()));
    const undo = (place: Place, want: Json, before: Json) =>
      settled(() => backend.undo(place, { want, before }, deadline()));

    it(
      'makes each wanted state true, and applying twice is as applying once',
      async () => {
        const thing = await opened.fresh();
        let before: Json = null;
        for (const want of thing.wants) {
          const once = await apply(thing, want, before);
          expect(facet.holds(want, once)).toBe(true);
          const seen = await observe(thing);
          expect(seen).toEqual(once);
          expect(await apply(thing, want, before)).toEqual(once);
          expect(await apply(thing, want, seen)).toEqual(once);
          expect(await observe(thing)).toEqual(seen);
          before = seen;
        }
      },
      20 * callMs,
    );

    it(
      'takes a build back, as often as it is asked',
      async () => {
        const thing = await opened.fresh();
        const [want] = thing.wants;
        await apply(thing, want, null);
        await undo(thing, want, null);
        const seen = await observe(thing);
        expect(takenBack(seen)).toBe(true);
        await undo(thing, want, null);
        expect(await observe(thing)).toEqual(seen);
      },
      10 * callMs,
    );

    it(
      'takes back what was never made without making it',
      async () => {
        const thing = await opened.fresh();
        await undo(thing, thing.wants[0], null);
        expect(await observe(thing)).toBeNull();
      },
      6 * callMs,
    );

    it(
      'keeps what stood before a build that is taken back',
      async () => {
        const thing = await opened.fresh();
        const [first, second = first] = thing.wants;
        const before = await apply(thing, first, null);
        await apply(thing, second, before);
        await undo(thing, second, before);
        expect(facet.holds(first, await observe(thing))).toBe(true);
      },
      10 * callMs,
    );

    it(
      'ends a call whose signal is aborted without guessing',
      async () => {
        const thing = await opened.fresh();
        const aborted = new AbortController();
        const call = backend.apply(thing, { want: thing.wants[0], before: null }, aborted.signal);
        aborted.abort();
        await expect(within(ABORTED_WITHIN_MS, call)).rejects.toThrow(UncertainError);
      },
      2 * callMs,
    );

    it.each(ABORTS_AFTER_MS)(
      'is idle when a call has ended that was abandoned after %d ms, and ends as if it had been made once',
      async (afterMs) => {
        const thing = await opened.fresh();
        const [want] = thing.wants;
        const aborted = new AbortController();
        const call = backend.apply(thing, { want, before: null }, aborted.signal).catch((error: unknown) => {
          expect(error).toBeInstanceOf(UncertainError);
        });
        await new Promise((resolve) => setTimeout(resolve, afterMs));
        aborted.abort();
        await within(ABORTED_WITHIN_MS, call);
        await within(4 * callMs, backend.idle(thing));
        const left = await observe(thing);
        expect(await observe(thing)).toEqual(left);
        const once = await apply(thing, want, null);
        expect(facet.holds(want, once)).toBe(true);
        expect(await observe(thing)).toEqual(once);
      },
      12 * callMs,
    );

    it(
      'is idle on a thing that was never touched',
      async () => {
        const idle = backend.idle(await opened.fresh());
        await expect(within(ABORTED_WITHIN_MS, idle)).resolves.toBeUndefined();
      },
      callMs,
    );
  });
}

/** Asks again while the answer is to wait. */
async function settled(ask: () => Promise<Applied>): Promise<Json> {
  for (let asked = 0; asked < WAITS_MAX; asked += 1) {
    const applied = await ask();
    if ('seen' in applied) return applied.seen;
    await new Promise((resolve) => setTimeout(resolve, applied.waitMs));
  }
  throw new Error(`was told to wait ${WAITS_MAX} times`);
}
