export * from './broken-lanes.js';
export * from './stuck-actions.js';
export * from './names.js';
export * from './owners.js';
export { recordedVolumeIds } from './records.js';
export * from './slots.js';
export * from './tombstones.js';
export * from './usages.js';
