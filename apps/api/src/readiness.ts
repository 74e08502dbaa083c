import { Readiness } from '@plumbline/platform';
import type { ReadinessAnswer } from '@plumbline/platform';

export const REDIS = 'redis';

export interface ApiReadinessAnswer extends ReadinessAnswer {
  /** What is away without keeping requests from being recorded: they are answered, and their work is delayed. */
  readonly degraded: ReadinessAnswer['missing'];
}

/**
 * Ready means that requests are recorded and answered. Redis is not needed for that: without it nothing is rung and nobody
 * is woken, so its absence is shown and does not take the process out of service. So it is with the sources; they are
 * asked through Redis, and without it nothing is known of them.
 */
export class ApiReadiness extends Readiness {
  private readonly useful = new Readiness();

  checkUseful(name: string, look: (signal: AbortSignal) => Promise<unknown>): void {
    this.useful.check(name, look);
  }

  override async answer(): Promise<ApiReadinessAnswer> {
    const [answer, useful] = await Promise.all([super.answer(), this.useful.answer()]);
    const redis = useful.missing.filter(({ name }) => name === REDIS);
    return { ...answer, degraded: redis.length > 0 ? redis : useful.missing };
  }
}
