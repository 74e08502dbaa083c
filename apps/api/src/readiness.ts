import { Readiness } from '@plumbline/platform';
import type { ReadinessAnswer } from '@plumbline/platform';

export const REDIS = 'redis';
export const HALT = 'halt';

export interface ApiReadinessAnswer extends ReadinessAnswer {
  /** What is away without keeping requests from being recorded: they are answered, and their work is delayed. */
  readonly degraded: ReadinessAnswer['missing'];
}

/**
 * Ready means that requests are recorded and answered. Redis is not needed for that: without it nothing is rung and nobody
 * is woken, so its absence is shown and does not take the process out of service. So it is with the sources; they are
 * asked through Redis, and without it nothing is known of them. While everything is halted, reads go on.
 */
export class ApiReadiness extends Readiness {
  private readonly useful = new Readiness();

  checkUseful(name: string, look: (signal: AbortSignal) => Promise<unknown>): void {
    this.useful.check(name, look);
  }

  override async answer(): Promise<ApiReadinessAnswer> {
    const [answer, useful] = await Promise.all([super.answer(), this.useful.answer()]);
    const isAway = useful.missing.some(({ name }) => name === REDIS);
    const known = useful.missing.filter(({ name }) => !isAway || name === REDIS || name === HALT);
    return { ...answer, degraded: known };
  }
}
