import fc from 'fast-check';
import { sorted } from './sorted.js';

async function* from(items: readonly string[]) {
  yield* items;
}

describe('a listing in another order', () => {
  it('tells of everything once and in order, however little may be sorted at once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.string()), fc.integer({ min: 1, max: 9 }), async (items, atOnce) => {
        const told: string[] = [];
        let scans = 0;
        const scan = () => ((scans += 1), from(items));
        for await (const item of sorted(scan, (text) => text, atOnce)) told.push(item);
        expect(told).toEqual([...items].sort());
        expect(scans).toBeLessThanOrEqual(Math.max(1, Math.ceil(items.length / atOnce)));
      }),
    );
  });
});
