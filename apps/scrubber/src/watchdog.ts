import type { ScrubberPorts } from '@plumbline/engine';

/**
 * Notices that a round of the leader stands still although its process lives: it beats, so nobody else would take the lead.
 * It counts ticks of a timer and reads no clock, so that a process that was stopped as a whole is not taken for one that hangs.
 */
export class Watchdog {
  /** Ticks since the last sign of progress; null: no round is under way. */
  private ticks: number | null = null;

  constructor(private readonly ticksMax: number) {}

  begin(): void {
    this.ticks = 0;
  }

  /** What is under way has come a step further. */
  readonly progress = (): void => {
    if (this.ticks !== null) this.ticks = 0;
  };

  end(): void {
    this.ticks = null;
  }

  /** @returns whether it stands still for too long */
  tick(): boolean {
    if (this.ticks === null) return false;
    this.ticks += 1;
    return this.ticks >= this.ticksMax;
  }
}

/** The same ports, of which every answer and every end of a wait is progress. */
export function watched<Ports extends ScrubberPorts>(ports: Ports, { progress }: Watchdog): Ports {
  const told = <T>(call: Promise<T>): Promise<T> => call.finally(progress);
  return {
    ...ports,
    journal: { read: (resource) => told(ports.journal.read(resource)) },
    file: (filing) => told(ports.file(filing)),
    sleep: (ms, signal) => told(ports.sleep(ms, signal)),
    within: (by, call) => told(ports.within(by, call)),
    progress,
  };
}
