export { connectBilling } from './client.js';
export type { BillingClient } from './client.js';
export { drainOwed } from './drain.js';
export type { OwedPages } from './drain.js';
