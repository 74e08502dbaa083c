import { RejectedError, TransientError, UncertainError } from '@plumbline/domain';
import { ERRNO, cephError } from './errors.js';

describe('the table of error numbers', () => {
  it.each([
    ['ETIMEDOUT', UncertainError, 'ceph-timeout'],
    ['ESHUTDOWN', UncertainError, 'ceph-blocklisted'],
    ['EAGAIN', TransientError, 'ceph-again'],
    ['EBUSY', TransientError, 'ceph-busy'],
    ['ENOSPC', RejectedError, 'ceph-full'],
    ['EDQUOT', RejectedError, 'ceph-full'],
    ['EINVAL', RejectedError, 'ceph-invalid'],
    ['EPERM', RejectedError, 'ceph-not-permitted'],
  ] as const)('says what %s means for the engine', (name, kind, reason) => {
    const error = cephError(ERRNO[name], 'grow image p/i');
    expect(error).toBeInstanceOf(kind);
    expect(error).toMatchObject({ reason, message: 'could not grow image p/i' });
  });

  it('takes what it does not know for uncertain', () => {
    for (const errno of [5, 71, 9_999]) expect(cephError(errno, 'do')).toBeInstanceOf(UncertainError);
  });
});
