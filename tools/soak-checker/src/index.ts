export type { Finding } from './finding.js';
export type { HistoryLine, ReadingLine, RequestLine } from './history.js';
export { judgeRest, type AtRest } from './rest.js';
