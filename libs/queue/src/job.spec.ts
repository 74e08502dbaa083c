import fc from 'fast-check';
import { parseDrainJob, parseLaneJob } from './job.js';

describe('job', () => {
  it('names a lane, or is none', () => {
    fc.assert(
      fc.property(fc.uuid(), fc.anything(), (id, other) => {
        const resource = `volume/${id}`;
        expect(parseLaneJob({ resource, other })).toEqual({ resource });
        expect(parseLaneJob({ resource, account: id })).toEqual({ resource, account: id });
        expect(parseLaneJob({ resource, account: other })).toEqual({ resource });
        expect(parseLaneJob(other)).toBe(null);
        expect(parseLaneJob({ resource: other })).toBe(null);
        expect(parseDrainJob(other)).toBe(null);
      }),
    );
    expect(parseDrainJob({ drain: true })).toEqual({ drain: true });
    expect(parseLaneJob({ resource: 'volume/../accounts' })).toBe(null);
  });
});
