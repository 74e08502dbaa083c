export { connectQemu } from './connect.js';
