import { BusyError, RejectedError, TransientError, UncertainError } from '@plumbline/domain';
import type { EngineError } from '@plumbline/domain';

/** Error numbers of Linux, as librados and librbd return them (negated). */
export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  E2BIG: 7,
  EAGAIN: 11,
  EACCES: 13,
  EBUSY: 16,
  EEXIST: 17,
  EINVAL: 22,
  EFBIG: 27,
  ENOSPC: 28,
  EDOM: 33,
  ERANGE: 34,
  ENAMETOOLONG: 36,
  ENOTEMPTY: 39,
  EOPNOTSUPP: 95,
  ENOTCONN: 107,
  /** What a blocklisted client is told, for ever. */
  ESHUTDOWN: 108,
  ETIMEDOUT: 110,
  EDQUOT: 122,
  /** A comparison within a write did not hold. */
  ECANCELED: 125,
} as const;

type Verdict = readonly [kind: 'transient' | 'busy' | 'rejected' | 'uncertain', reason: string];

/** The one table of what an error number means. A number that is not in it may mean anything: uncertain. */
const VERDICTS: ReadonlyMap<number, Verdict> = new Map<number, Verdict>([
  [ERRNO.EAGAIN, ['transient', 'ceph-again']],
  [ERRNO.EBUSY, ['busy', 'ceph-busy']],
  [ERRNO.ENOTCONN, ['transient', 'ceph-not-connected']],
  [ERRNO.EPERM, ['rejected', 'ceph-not-permitted']],
  [ERRNO.EACCES, ['rejected', 'ceph-not-permitted']],
  [ERRNO.ENOENT, ['rejected', 'ceph-missing']],
  [ERRNO.EEXIST, ['rejected', 'ceph-exists']],
  [ERRNO.EINVAL, ['rejected', 'ceph-invalid']],
  [ERRNO.E2BIG, ['rejected', 'ceph-invalid']],
  [ERRNO.EDOM, ['rejected', 'ceph-invalid']],
  [ERRNO.ENAMETOOLONG, ['rejected', 'ceph-invalid']],
  [ERRNO.EFBIG, ['rejected', 'ceph-too-large']],
  [ERRNO.ENOSPC, ['rejected', 'ceph-full']],
  [ERRNO.EDQUOT, ['rejected', 'ceph-full']],
  [ERRNO.ENOTEMPTY, ['rejected', 'ceph-has-snapshots']],
  [ERRNO.EOPNOTSUPP, ['rejected', 'ceph-not-supported']],
  [ERRNO.ETIMEDOUT, ['uncertain', 'ceph-timeout']],
  [ERRNO.ESHUTDOWN, ['uncertain', 'ceph-blocklisted']],
]);

const KINDS = {
  transient: TransientError,
  busy: BusyError,
  rejected: RejectedError,
  uncertain: UncertainError,
} as const;

/** What to throw for a failed call. `what` is what we tried, such as `create image volumes-nyc1/volume-…`. */
export function cephError(errno: number, what: string): EngineError {
  const [kind, reason] = VERDICTS.get(errno) ?? ['uncertain', 'ceph-unclassified'];
  return new KINDS[kind](`could not ${what}`, { reason, cause: new Error(`errno ${errno}`) });
}

/** The caller stopped waiting; what it called goes on. */
export function deadlinePassed(what: string, signal: AbortSignal): UncertainError {
  return new UncertainError(`stopped waiting for: ${what}`, { reason: 'ceph-timeout', cause: signal.reason });
}
