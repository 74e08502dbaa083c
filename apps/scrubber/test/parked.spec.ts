import type { Lane } from '@plumbline/domain';
import { createMetrics } from '@plumbline/platform';
import { ParkedCount } from '../src/parked.js';

/** A lane as far as the count looks at one; the assertions would find anything else missing. */
const laneWith = (reason: string | null) =>
  ({ entries: [{ parked: reason === null ? null : { reason } }] }) as unknown as Lane;

it('counts what waits for a person by its reason, and takes back what no longer does', async () => {
  const metrics = createMetrics({ app: 'test', name: 'test' });
  const parked = new ParkedCount(metrics);
  const counted = async () => {
    const values = (await metrics.getSingleMetric('plumbline_parked_intents')?.get())?.values ?? [];
    return Object.fromEntries(values.map(({ labels, value }) => [String(labels['reason']), value]));
  };
  parked.show(['stranger', 'stranger', 'invariant', null].map(laneWith));
  expect(await counted()).toMatchObject({ stranger: 2, invariant: 1, 'undo-failed': 0 });
  parked.show([]);
  expect(await counted()).toMatchObject({ stranger: 0, invariant: 0 });
});
