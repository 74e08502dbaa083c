export { connectCeph, IMAGE_FEATURES } from './connect.js';
export type { CephOptions } from './connect.js';
export type { CephClient } from './connection.js';
export type { TrashedImage } from './image-listing.js';
export { exitNow, loadNative } from './native.js';
export type { Cluster, Image, IoContext } from './native.js';
