import type { DiscrepancyRecord, VolumeId } from '@plumbline/domain';
import { Known } from './known.js';

const record = (key: string, more: Partial<DiscrepancyRecord> = {}) =>
  ({ facet: 'ceph.image', key, host: null, volume: key as VolumeId, ...more }) as DiscrepancyRecord;
const suspicion = (key: string, volume: string | null = key) =>
  ({ facet: 'ceph.image', place: { key }, volume: volume as VolumeId | null }) as const;

describe('the list of discrepancies', () => {
  it('has room for so many of ours and so many of strangers, each counted once, and always for what it has', () => {
    const known = new Known();
    for (let n = 0; n < 9_999; n += 1) known.add(record(`${n}`));
    for (let n = 0; n < 1_000; n += 1) known.add(record(`s${n}`, { volume: null }));
    for (let n = 0; n < 100; n += 1) known.add(record('0', { state: 'confirmed' }));
    expect(known.isFullFor(suspicion('one more'))).toBe(false);
    expect(known.isFullFor(suspicion('stranger', null))).toBe(true);
    known.add(record('one more'));
    expect(known.isFullFor(suspicion('two more'))).toBe(true);
    expect(known.isFullFor(suspicion('0'))).toBe(false);
    expect(known.all).toHaveLength(11_000);
    known.remove(record('7'));
    known.remove(record('7'));
    expect(known.isFullFor(suspicion('two more'))).toBe(false);
    expect(known.isFullFor(suspicion('stranger', null))).toBe(true);
  });

  it('tells in no time whether there is room, however much is wrong', () => {
    const known = new Known(Array.from({ length: 10_000 }, (_, n) => record(`${n}`)));
    const from = performance.now();
    for (let n = 0; n < 20_000; n += 1) known.isFullFor(suspicion(`new ${n}`));
    expect(performance.now() - from).toBeLessThan(2_000);
  });
});
