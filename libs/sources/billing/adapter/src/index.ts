export { connectBilling } from './client.js';
export type { BillingClient } from './client.js';
