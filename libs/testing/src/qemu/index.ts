export { FakeQemu } from './fake-qemu.js';
export type { FakeQemuOptions } from './fake-qemu.js';
export type { CommandFate, FakeVm, MonitorEars } from './fake-vm.js';
export { FakeImages } from './fake-images.js';
export type { ImageSizes } from './fake-images.js';
export type { UnplugManner } from './fake-machine.js';
export { describeQemu, diskOf } from './describe-qemu.js';
export type { QemuUnderTest } from './describe-qemu.js';
