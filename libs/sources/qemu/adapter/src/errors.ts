import { InvariantError, TransientError, UncertainError } from '@plumbline/domain';
import type { EngineError } from '@plumbline/domain';

/** QEMU's answer that it did not do it. The class says little and the text is English prose: neither says why. */
export class QmpRefusal extends Error {
  override readonly name = 'QmpRefusal';

  constructor(
    readonly qmpClass: string,
    description: string,
  ) {
    super(description);
  }
}

/**
 * What to throw when QEMU refused and asking again did not find the wanted state. Only an unknown command is told by its
 * class: then this QEMU is none that we can serve. Everything else, Ceph's refusals included, comes as `GenericError`.
 */
export function refused(what: string, refusal: QmpRefusal): EngineError {
  const message = `QEMU refused to ${what}`;
  return refusal.qmpClass === 'CommandNotFound'
    ? new InvariantError(message, { reason: 'qmp-unknown-command', cause: refusal })
    : new TransientError(message, { reason: 'qmp-refused', cause: refusal });
}

/** Nobody answers at that monitor, or somebody else has it: nothing was sent. */
export function unreachable(what: string, cause?: unknown): TransientError {
  return new TransientError(`could not ${what}: the VM's monitor cannot be reached`, {
    reason: 'vm-unreachable',
    cause,
  });
}

/** The caller stopped waiting; what was sent goes on. */
export function stoppedWaiting(what: string, signal: AbortSignal): UncertainError {
  return new UncertainError(`stopped waiting to ${what}`, { reason: 'vm-timeout', cause: signal.reason });
}
