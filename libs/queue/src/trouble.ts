import type { Logger } from 'pino';

/** Logs once that something began to fail, and once that it works again with what was lost: an outage is not a thousand lines. */
export class Trouble {
  private failures = 0;

  constructor(
    private readonly log: Logger,
    private readonly what: string,
  ) {}

  failed(err: unknown): void {
    this.failures++;
    if (this.failures === 1) this.log.warn({ err, what: this.what }, 'began to fail');
  }

  worked(): void {
    if (this.failures === 0) return;
    this.log.info({ what: this.what, failures: this.failures }, 'works again');
    this.failures = 0;
  }
}
