export { connectQemu } from './connect.js';
export type { QemuOptions } from './connect.js';
export type { Deadlines } from './vm.js';
export type { VmAddress } from './vms.js';
export type { Dial, Wire, WireEvents } from './wire.js';
