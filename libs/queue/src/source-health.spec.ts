import { RejectedError, TransientError, UncertainError } from '@plumbline/domain';
import { Registry } from 'prom-client';
import { SourceHealth } from './source-health.js';
import { eventually, silent } from './testing/test-redis.js';

const transient = new TransientError('asking', { reason: 'down' });
const uncertain = new UncertainError('asking', { reason: 'deadline' });
const rejected = new RejectedError('asking', { reason: 'no' });

function source() {
  const state = { taking: true, answers: false, pings: 0 };
  const metrics = new Registry();
  const health = new SourceHealth({
    source: 'ceph',
    failuresMax: 3,
    async ping() {
      state.pings++;
      if (!state.answers) throw transient;
    },
    gates: [
      {
        hold: async () => void (state.taking = false),
        resume: async () => void (state.taking = true),
      },
    ],
    log: silent,
    metrics,
    random: () => 0,
  });
  return { state, health, metrics };
}

describe('health of a source', () => {
  it('stops taking jobs after failures in a row, and goes on by itself', async () => {
    const { state, health, metrics } = source();
    for (const error of [transient, uncertain, transient]) health.report(error);
    expect(state.taking).toBe(false);
    expect(await metrics.metrics()).toContain('plumbline_source_up{source="ceph"} 0');
    await eventually(() => expect(state.pings).toBeGreaterThan(1));
    expect(state.taking).toBe(false);
    state.answers = true;
    await eventually(() => expect(state.taking).toBe(true));
    expect(await metrics.metrics()).toContain('plumbline_source_up{source="ceph"} 1');
    // What failed before the outage ended does not count towards the next.
    health.report(transient);
    expect(health.down).toBe(false);
    health.close();
  });

  it('takes a refusal for an answer', () => {
    const { state, health } = source();
    for (const error of [transient, transient, rejected, transient, transient, null, transient, transient]) {
      health.report(error);
    }
    expect(state.taking).toBe(true);
    health.close();
  });
});
