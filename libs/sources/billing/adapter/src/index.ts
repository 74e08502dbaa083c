export { connectBilling } from './client.js';
export type { BillingClient } from './client.js';
export { drainOwed } from './drain.js';
export type { OwedEntry, OwedPages } from './drain.js';
