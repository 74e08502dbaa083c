export type { Finding } from './finding.js';
export type { DiskSeen, HistoryLine, LookLine, ReadingLine, RequestLine } from './history.js';
export { judgeRest, volumeIn, type AtRest, type RestFindings } from './rest.js';
