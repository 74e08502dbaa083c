import { firstWrite } from './deaths.js';

const WITHIN_MS = 50;

describe('the first write after a death', () => {
  it('is tried until it is taken, and one that never is counts as long as it was waited for', async () => {
    const began = Date.now();
    let tries = 0;
    await firstWrite(() => (++tries < 3 ? Promise.reject(new Error('away')) : Promise.resolve()));
    expect(tries).toBe(3);
    const givenUp = await firstWrite(() => Promise.reject(new Error('away')), WITHIN_MS);
    expect(givenUp - began).toBeGreaterThanOrEqual(WITHIN_MS - 1);
  });
});
