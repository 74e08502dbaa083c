export { FakeBilling } from './fake-billing.js';
export { describeBilling, historyOf } from './describe-billing.js';
