import {
  BusyError,
  HeldError,
  InvariantError,
  RejectedError,
  TransientError,
  UncertainError,
} from '@plumbline/domain';
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
    : new BusyError(message, { reason: 'qmp-refused', cause: refusal });
}

/** When to ask again for a VM that does not answer now. */
const ASK_AGAIN_MS = 2_000;

/** The VM is paused, is busy, or has another client: nothing happened, and other VMs are none the worse. */
export function held(what: string, why: { reason: string; because: string; cause?: unknown }): HeldError {
  const { reason, because, cause } = why;
  return new HeldError(`could not ${what}: ${because}`, { reason, retryAfterMs: ASK_AGAIN_MS, cause });
}

/** Nobody answers at that monitor, or somebody else has it: nothing was sent. */
export function unreachable(what: string, cause?: unknown): HeldError {
  return held(what, { reason: 'vm-unreachable', because: "the VM's monitor cannot be reached", cause });
}

/**
 * Nobody serves that monitor: the process that made it is dead. The kernel says so and not a time that has passed: a process
 * that is paused, stuck or busy still has its socket, and connecting to it succeeds or waits.
 */
export class VmDead extends TransientError {
  constructor(what: string, cause?: unknown) {
    super(`could not ${what}: the VM is not running`, { reason: 'vm-dead', cause });
  }
}

/** Nothing can be built in a VM that is not running. */
export function notRunning(cause: VmDead): RejectedError {
  return new RejectedError('The VM is not running.', { reason: 'vm-dead', cause });
}

/** Of a VM that is not running it says nothing that it has no disks: they come back when it does. */
export function nothingToTell(cause: VmDead): never {
  throw held('tell what is missing', { reason: 'vm-dead', because: 'the VM is not running', cause });
}

/** The caller stopped waiting; what was sent goes on. */
export function stoppedWaiting(what: string, signal: AbortSignal): UncertainError {
  return new UncertainError(`stopped waiting to ${what}`, { reason: 'vm-timeout', cause: signal.reason });
}

/** What a call comes to in a VM that is not running. */
export async function unlessDead<T>(call: Promise<T>, dead: (error: VmDead) => T): Promise<T> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof VmDead) return dead(error);
    throw error;
  }
}
