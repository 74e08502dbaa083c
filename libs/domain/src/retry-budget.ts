/** At most one retry for so many first calls, once the reserve is spent. */
const CALLS_A_RETRY = 5;
/** Retries that may always be made, because a few failures are no storm. */
const RESERVE = 50;
/** Of retries that are put off one in so many is made all the same, or those that are left over would wait for ever. */
const PUT_OFF_MAX = 10;

/**
 * Keeps what one process sends to one source for the second time a share of what it sends for the first. Back-off alone
 * does not: the more fails, the more comes back, and a source that has just recovered is asked for everything at once.
 */
export class RetryBudget {
  /** In units of which a call earns one. */
  #left = RESERVE * CALLS_A_RETRY;

  /** A first call goes out. */
  earn(): void {
    this.#left = Math.min(RESERVE * CALLS_A_RETRY, this.#left + 1);
  }

  /** Whether a retry may go out now; if not, it is to be put off for the longest back-off. */
  spend(): boolean {
    if (this.#left < CALLS_A_RETRY) {
      this.#left += CALLS_A_RETRY / PUT_OFF_MAX;
      return false;
    }
    this.#left -= CALLS_A_RETRY;
    return true;
  }
}
