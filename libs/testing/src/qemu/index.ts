export { FakeQemu } from './fake-qemu.js';
export type { CommandFate } from './fake-vm.js';
export { describeQemu, diskOf } from './describe-qemu.js';
export type { QemuUnderTest } from './describe-qemu.js';
