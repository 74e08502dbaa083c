/** B3: nobody is told of another account's things, and without a token nobody is told, or does, anything. */
import type { Finding } from './finding.js';
import type { RequestLine } from './history.js';
import type { Registry } from './registry-shapes.js';

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
/** What may be answered to a request about what is not one's own: as if it were not there, or that nobody can say now. */
const AS_IF_ABSENT = [404, 500, 503];

export function judgeStrangers(requests: readonly RequestLine[], { owners }: Registry): readonly Finding[] {
  return requests.flatMap(({ account, answer, end, n, path, status = 0 }): Finding[] => {
    if (end !== 'answered') return [];
    const find = (what: string): Finding => ({ rule: 'B3', what, requests: [n] });
    if (account === null)
      return status === 401 || status === 503 ? [] : [find(`was answered ${status} without a valid token`)];
    const isForeign = (id: string) => owners.has(id) && owners.get(id) !== account;
    const told = (JSON.stringify(answer ?? null).match(UUID) ?? []).filter(isForeign);
    const asked = (path.match(UUID) ?? []).some(isForeign);
    return [
      ...told.map((id) => find(`was told of volume ${id}, which is another account's`)),
      ...(asked && !AS_IF_ABSENT.includes(status)
        ? [find(`was answered ${status} about another account's volume`)]
        : []),
    ];
  });
}
