export { FakeCeph } from './fake-ceph.js';
export type { CephCall, CephMoment, FakeCephOptions, FakeClientOptions } from './fake-ceph.js';
export { FakeCephClient } from './fake-ceph-client.js';
export { FakePool } from './fake-pool.js';
