import type {
  DiscrepancyRecord,
  IntentId,
  PassedOver,
  PlannedRepair,
  RepairAnswer,
  RepairRequest,
} from '@plumbline/domain';
import { brakeIfRewound } from './brakes.js';
import { Gates } from './gates.js';
import type { DiscrepancyBook, ScrubDesk, ScrubberPorts } from './ports.js';
import { Repairs } from './repairs.js';
import type { Filed } from './repairs.js';

/** How long operators can read what became of a request. */
const ANSWER_KEPT_MS = 24 * 3600 * 1000;

/** Where operators' requests and their answers are kept. Every call may throw a Refusal when that cannot be asked. */
export interface RequestDesk {
  requests(): Promise<readonly RepairRequest[]>;
  /** The request is gone then. */
  answer(answer: RepairAnswer): Promise<void>;
  answers(): Promise<readonly RepairAnswer[]>;
  forget(answer: RepairAnswer): Promise<void>;
}

export interface RequestPorts extends ScrubberPorts {
  readonly book: DiscrepancyBook & {
    /** By what operators name it by. */
    find(id: string): Promise<DiscrepancyRecord | null>;
  };
  readonly desk: ScrubDesk & RequestDesk;
}

/**
 * Carries out the plans of repairs that operators have applied. Somebody has read them, so neither mode nor hourly limit holds
 * them back; a brake does, for what it says was found after they were read, and so does a pause. Each thing is looked at
 * again, and what is no longer as it was planned is left alone. Who takes the lead in the middle goes on: what was recorded
 * before is counted as recorded.
 */
export class Requests {
  private readonly repairs: Repairs;

  constructor(private readonly ports: RequestPorts) {
    this.repairs = new Repairs({ ...ports, sources: new Gates(ports).sources });
  }

  /** @returns the answers that were given. @throws Refusal when the registry cannot be asked; the abort's reason */
  async round(signal: AbortSignal): Promise<readonly RepairAnswer[]> {
    const { desk, log } = this.ports;
    const given: RepairAnswer[] = [];
    for (const request of await desk.requests()) {
      const answer = await this.carryOut(request, signal);
      await desk.answer(answer);
      given.push(answer);
      const counts = { filed: answer.filed.length, passedOver: answer.passedOver.length };
      log.warn({ hash: request.hash, by: request.by, ...counts }, 'plan of repairs was carried out');
    }
    for (const answer of await desk.answers())
      if (this.ports.now() - answer.at > ANSWER_KEPT_MS) await desk.forget(answer);
    return given;
  }

  private async carryOut(request: RepairRequest, signal: AbortSignal): Promise<RepairAnswer> {
    const { at: requestedAt, by, hash, reason, repairs } = request;
    const filed: { id: string; intent: IntentId }[] = [];
    const passedOver: { id: string; why: PassedOver }[] = [];
    for (const planned of repairs) {
      signal.throwIfAborted();
      const { id } = planned;
      const outcome = await this.fileOne(planned, requestedAt, signal);
      if ('intent' in outcome) filed.push({ id, intent: outcome.intent });
      else passedOver.push({ id, why: outcome.passedOver });
    }
    return { hash, by, reason, requestedAt, at: this.ports.now(), filed, passedOver };
  }

  private async fileOne(planned: PlannedRepair, since: number, signal: AbortSignal): Promise<Filed> {
    const { book, desk } = this.ports;
    const record = await book.find(planned.id);
    if (record === null || record.state === 'repaired') return { passedOver: 'agrees' };
    const begun = intentSince(record, since);
    if (begun !== null) return { intent: begun };
    if (!isAsPlanned(record, planned)) return { passedOver: 'changed' };
    const { modes, paused } = await desk.settings();
    if (paused) return { passedOver: 'paused' };
    if (modes[record.remedy.name] === 'off') return { passedOver: 'off' };
    await brakeIfRewound(this.ports);
    const brakes = await desk.brakes();
    if (brakes.some(({ facet }) => facet === record.facet)) return { passedOver: 'brake' };
    return await this.repairs.fileOne(record, signal);
  }
}

/** The intent that was recorded for it since then, by whomever. */
function intentSince({ history, intent, state }: DiscrepancyRecord, since: number): IntentId | null {
  if (state !== 'repairing') return null;
  return history.some((event) => event.state === 'repairing' && event.at >= since) ? intent : null;
}

function isAsPlanned(record: DiscrepancyRecord, planned: PlannedRepair): boolean {
  return (
    record.state === 'confirmed' &&
    record.class === planned.class &&
    record.remedy.name === planned.remedy &&
    record.recordIndex === planned.recordIndex
  );
}
