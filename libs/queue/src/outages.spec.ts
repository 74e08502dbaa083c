import { BusyError, RejectedError, TransientError, UncertainError } from '@plumbline/domain';
import { Registry } from 'prom-client';
import { Outages } from './outages.js';
import { eventually, silent } from './testing/test-redis.js';

const transient = new TransientError('asking', { reason: 'down' });
const uncertain = new UncertainError('asking', { reason: 'deadline' });
const busy = new BusyError('asking', { reason: 'in use' });
const rejected = new RejectedError('asking', { reason: 'no' });

const CONCURRENCY = 8;

function source(random = () => 0) {
  const state = { taking: true, answers: false, pings: 0, nowMs: 0, jobs: CONCURRENCY };
  const metrics = new Registry();
  const outages = new Outages({
    source: 'qemu',
    failuresMax: 3,
    async ping() {
      state.pings++;
      if (!state.answers) throw transient;
    },
    gate: {
      hold: async () => void (state.taking = false),
      resume: async () => void (state.taking = true),
      slowTo(jobs) {
        state.jobs = jobs ?? CONCURRENCY;
        return state.jobs >= CONCURRENCY;
      },
    },
    log: silent,
    metrics,
    random,
    nowMs: () => state.nowMs,
  });
  return { state, outages, metrics };
}

describe('outages', () => {
  it('stops taking jobs after failures in a row, probes, and goes on by itself, slowly', async () => {
    const { state, outages, metrics } = source();
    for (const error of [transient, uncertain, transient]) outages.report(error);
    expect(state.taking).toBe(false);
    expect(await metrics.metrics()).toContain('plumbline_source_up{source="qemu"} 0');
    await eventually(() => expect(state.pings).toBeGreaterThan(1));
    expect(state.taking).toBe(false);
    expect(outages.isAway(null)).toBe(true);
    state.answers = true;
    state.nowMs = 10_000;
    await eventually(() => expect(state.taking).toBe(true));
    expect(await metrics.metrics()).toContain('plumbline_source_up{source="qemu"} 1');
    expect(outages.isAway(null)).toBe(false);
    const allowed = [state.jobs];
    while (allowed.length < CONCURRENCY) {
      outages.report(null);
      allowed.push(state.jobs);
    }
    expect(allowed).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    outages.close();
  });

  it('closes the gate again when the trial fails, though the source answers when it is asked', async () => {
    const { state, outages } = source();
    for (const error of [transient, transient, transient]) outages.report(error);
    state.answers = true;
    state.nowMs = 10_000;
    await eventually(() => expect(state.taking).toBe(true));
    outages.report(transient);
    expect(state.taking).toBe(false);
    // It answers: what fails is that one thing, and it may use up its tries.
    await eventually(() => expect(state.pings).toBeGreaterThan(2));
    expect(outages.isAway(null)).toBe(false);
    outages.close();
  });

  it('takes a refusal, and being busy, for an answer', () => {
    const { state, outages } = source();
    for (const error of [
      transient,
      transient,
      rejected,
      transient,
      transient,
      busy,
      transient,
      null,
      transient,
    ])
      outages.report(error);
    expect(state.taking).toBe(true);
    outages.close();
  });

  it('puts off only what a dead part is about, and tries it again with one', async () => {
    const { state, outages, metrics } = source();
    for (let failure = 0; failure < 3; failure++) outages.report(uncertain, 'vm-7');
    expect(state.taking).toBe(true);
    expect(outages.waitMs('vm-8')).toBe(0);
    expect(outages.waitMs('vm-7')).toBeGreaterThan(0);
    expect(outages.isAway('vm-7')).toBe(true);
    expect(outages.isAway('vm-8')).toBe(false);
    expect(await metrics.metrics()).toContain('plumbline_breaker_state{source="qemu",part="vm-7"} 2');
    expect(outages.shown()).toContainEqual({ part: 'vm-7', state: 'open', failures: 3 });
    state.nowMs = 10_000;
    expect([outages.waitMs('vm-7'), outages.waitMs('vm-7')].filter((waitMs) => waitMs === 0)).toHaveLength(1);
    outages.report(null, 'vm-7');
    expect(outages.waitMs('vm-7')).toBe(0);
    expect(await metrics.metrics()).not.toContain('vm-7');
    outages.close();
  });
});
