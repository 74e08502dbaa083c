/** Whose code an event runs: a process that is paused meets its events when it wakes, a dead one never. */
export interface Owner {
  readonly name: string;
  readonly state: 'running' | 'paused' | 'dead';
}

/** What an event is, for the log and for a resource's timeline. */
export interface Label {
  /** Null: the world outside all processes, such as a request on its way. */
  readonly owner: Owner | null;
  readonly what: string;
  /** Whatever names the things it is about. */
  readonly about?: string;
}

interface Happening {
  readonly label: Label;
  readonly atMs: number;
  readonly order: number;
  readonly fire: () => void;
  cancelled: boolean;
}

export interface LogLine {
  readonly atMs: number;
  readonly who: string;
  readonly what: string;
  readonly about: string;
}

/**
 * Everything that waits, in the order of a virtual clock. One event happens at a time; before the next one all code that it
 * set going has come to rest, because nothing there waits for anything but this pool.
 */
export class EventPool {
  nowMs = 0;
  happened = 0;
  readonly log: LogLine[] = [];
  private readonly heap: Happening[] = [];
  private readonly frozen = new Map<Owner, Happening[]>();
  private order = 0;

  /** @returns what takes it back */
  after(delayMs: number, label: Label, fire: () => void): () => void {
    const happening: Happening = {
      label,
      atMs: this.nowMs + Math.max(0, delayMs),
      order: (this.order += 1),
      fire,
      cancelled: false,
    };
    this.push(happening);
    return () => {
      happening.cancelled = true;
    };
  }

  wait(delayMs: number, label: Label): Promise<void> {
    return new Promise((resolve) => void this.after(delayMs, label, resolve));
  }

  note(who: string, what: string, about = ''): void {
    this.log.push({ atMs: this.nowMs, who, what, about });
  }

  /** What a process that was paused has missed comes to it now. */
  thaw(owner: Owner): void {
    for (const happening of this.frozen.get(owner) ?? []) this.push(happening);
    this.frozen.delete(owner);
  }

  /** Lets the next event happen. False: there is none. */
  async step(): Promise<boolean> {
    for (let next = this.pop(); next !== null; next = this.pop()) {
      const { owner, what, about } = next.label;
      if (next.cancelled || owner?.state === 'dead') continue;
      if (owner?.state === 'paused') {
        const missed = this.frozen.get(owner) ?? [];
        missed.push(next);
        this.frozen.set(owner, missed);
        continue;
      }
      this.nowMs = Math.max(this.nowMs, next.atMs);
      this.happened += 1;
      this.note(owner?.name ?? '-', what, about);
      next.fire();
      await rest();
      return true;
    }
    return false;
  }

  private push(happening: Happening): void {
    const { heap } = this;
    let at = heap.length;
    heap.push(happening);
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!isBefore(heap[at]!, heap[above]!)) break;
      [heap[at], heap[above]] = [heap[above]!, heap[at]!];
      at = above;
    }
  }

  private pop(): Happening | null {
    const { heap } = this;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined) return null;
    if (heap.length === 0) return first;
    for (let at = 0; ;) {
      const [left, right] = [2 * at + 1, 2 * at + 2];
      const least = right < heap.length && isBefore(heap[right]!, heap[left]!) ? right : left;
      if (least >= heap.length || isBefore(last, heap[least]!)) {
        heap[at] = last;
        return first;
      }
      heap[at] = heap[least]!;
      at = least;
    }
  }
}

function isBefore(one: Happening, other: Happening): boolean {
  return one.atMs === other.atMs ? one.order < other.order : one.atMs < other.atMs;
}

/** A tick comes only when no promise is left to be settled, and costs no turn of the loop: nothing there waits for one. */
function rest(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}
