export { connectCeph, IMAGE_FEATURES } from './connect.js';
export type { CephClient } from './connection.js';
export { witnessObjectOf } from './witness-object.js';
export { exitNow, loadNative } from './native.js';
export type { Cluster, Image, IoContext } from './native.js';
