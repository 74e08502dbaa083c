import fc from 'fast-check';
import { heldNameKey, parseHeldName } from './claims.js';
import type { AccountId, RegionSlug } from './ids.js';

describe('the key of a held name', () => {
  it('tells whatever is written there as the holder', () => {
    const part = fc.stringMatching(/^[a-z0-9-]{1,20}$/);
    fc.assert(
      fc.property(fc.string(), part, part, part, (volume, account, region, hash) => {
        const held = { account: account as AccountId, region: region as RegionSlug, name: `=${hash}` };
        expect(parseHeldName(heldNameKey(volume, held))).toEqual({ volume, ...held });
      }),
    );
  });
});
