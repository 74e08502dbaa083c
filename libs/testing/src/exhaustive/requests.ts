/** What requests are called, and which of them may be answered late. */
import type { FakeRequest } from '../kv/fake-consul.js';
import type { Asked, Request } from './body.js';
import { digest, mirrored } from './mirror.js';

/** What a look at a lane reads; whatever else is read serves a write. */
const LOOKED_AT = /^plumbline\/(lanes|volumes|tombstones|owners)\//;
const asItIs = (text: string): string => text;

/** Two requests of one process are equal when they are called the same. */
export function namesOf(request: Request): Pick<Asked, 'name' | 'mirroredName'> {
  if (request.of === 'registry')
    return { name: nameOf(request.request), mirroredName: nameOf(request.request, mirrored) };
  const name = request.of === 'fence' ? `blocklist ${request.address}` : nameOfCall(request);
  return { name, mirroredName: mirrored(name) };
}

function nameOfCall({ what, facet, change, place }: Extract<Request, { of: 'source' }>): string {
  return [what, facet, ...(change === null ? [] : [JSON.stringify(change)]), place.key].join(' ');
}

/** @param as how texts are to be told, such as `mirrored` */
function nameOf(request: FakeRequest, as: (text: string) => string = asItIs): string {
  if (request.what === 'read') return as(`read ${request.prefixes.join(' ')}`);
  if (request.what !== 'transact') return as(`${request.what} ${request.prefix}`);
  const ops = request.ops.map(({ verb, key }) => `${verb} ${key.slice('plumbline/'.length)}`).join(', ');
  return `write ${as(ops)} #${digest(as(JSON.stringify(request.ops))).slice(0, 12)}`;
}

export function isLook(request: FakeRequest): boolean {
  return request.what === 'read' && request.prefixes.includes('plumbline/boots/');
}

export function passes(request: FakeRequest): boolean {
  return request.what === 'read' && request.prefixes.every((prefix) => LOOKED_AT.test(prefix));
}
