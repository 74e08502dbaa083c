import type { Witness } from '@plumbline/domain';

const TEST_MS = 30_000;

/** What every witness must do, wherever it keeps what it was told. @param fresh one that was never told anything */
export function describeWitness(name: string, fresh: () => Witness | Promise<Witness>): void {
  describe(`the witness in ${name}`, () => {
    const deadline = () => AbortSignal.timeout(TEST_MS);
    const at = (tick: number, halted = false) => ({ tick, halted });

    it(
      'is written only over what was read before, so that nothing late lowers it',
      async () => {
        const witness = await fresh();
        expect(await witness.read(deadline())).toBeNull();
        expect(await witness.replace({ before: at(1), after: at(2) }, deadline())).toBe(false);
        expect(await witness.replace({ before: null, after: at(7) }, deadline())).toBe(true);
        expect(await witness.read(deadline())).toEqual(at(7));
        expect(await witness.replace({ before: null, after: at(3) }, deadline())).toBe(false);
        expect(await witness.replace({ before: at(6), after: at(3) }, deadline())).toBe(false);
        expect(await witness.replace({ before: at(7, true), after: at(3) }, deadline())).toBe(false);
        expect(await witness.replace({ before: at(7), after: at(8, true) }, deadline())).toBe(true);
        expect(await witness.read(deadline())).toEqual(at(8, true));
      },
      TEST_MS,
    );

    it(
      'takes the word of one, of many who speak at once',
      async () => {
        const witness = await fresh();
        await witness.replace({ before: null, after: at(1) }, deadline());
        const ticks = Array.from({ length: 10 }, (_, n) => at(n + 2));
        const taken = await Promise.all(
          ticks.map((after) => witness.replace({ before: at(1), after }, deadline())),
        );
        expect(taken.filter((done) => done)).toHaveLength(1);
        expect(await witness.read(deadline())).toEqual(ticks[taken.indexOf(true)]);
      },
      TEST_MS,
    );
  });
}
