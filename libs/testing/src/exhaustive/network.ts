/** Who is waited for or answered; a dead one is answered nothing. */
export interface Party {
  readonly name: string;
  readonly isDead: boolean;
}

/** One thing that can happen next: a request arrives, or its answer does. */
export interface Pending {
  readonly party: Party;
  readonly what: string;
  readonly stage: 'arrives' | 'is answered';
  /** In which turn it was sent; null: it is none of a source's. */
  readonly turn: number | null;
  /** False: it waits for something else first. */
  readonly canHappen: () => boolean;
  /** True when nobody will ever see that it happens, once its sender is dead. */
  readonly isInVain: () => boolean;
  readonly happen: () => void;
}

/** All requests that are under way, of all processes. Nothing here happens by itself. */
export class Network {
  private pending: Pending[] = [];
  /** While a story is told up to where it matters, nothing waits. */
  isPrompt = false;

  /** Answers to the dead are no events, nor is what is refused for ever when nobody waits for the refusal. */
  get underWay(): readonly Pending[] {
    return this.pending.filter(
      ({ party, stage, isInVain }) => !party.isDead || (stage === 'arrives' && !isInVain()),
    );
  }

  get ready(): readonly Pending[] {
    return this.underWay.filter(({ canHappen }) => canHappen());
  }

  happen(pending: Pending): void {
    this.drop(pending);
    pending.happen();
  }

  drop(pending: Pending): void {
    this.pending = this.pending.filter((other) => other !== pending);
  }

  wait(
    party: Party,
    what: string,
    stage: Pending['stage'],
    {
      turn = null,
      canHappen = () => true,
      isInVain = () => false,
    }: Partial<Pick<Pending, 'turn' | 'canHappen' | 'isInVain'>> = {},
  ): Promise<void> {
    if (this.isPrompt) return Promise.resolve();
    if (party.isDead && stage === 'arrives') return never();
    return new Promise((resolve) => {
      this.pending.push({ party, what, stage, turn, canHappen, isInVain, happen: resolve });
    });
  }
}

export function never<T>(): Promise<T> {
  return new Promise(() => undefined);
}
