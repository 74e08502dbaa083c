/**
 * Fairness among accounts, inside Redis, so that a ring costs one round trip as it did without. Of one account at most
 * `LANES_RUNG_MAX` lanes have jobs in a queue at a time; its others stand in line, first come first served, and cost a
 * place in a sorted set instead of a job. The end of a lane's last job calls the account's next. So whoever comes with
 * one lane finds at most that many jobs of any other account before it, however many lanes that one has waiting.
 *
 * Lanes that a VM waits for go ahead: their jobs are BullMQ's ordinary ones, which are taken before prioritized ones, and
 * bulk jobs are prioritized, all alike. After every fourth job that goes ahead the oldest bulk job goes with them, and in
 * an account's line every fifth place is bulk's, so that neither starves.
 *
 * Beside BullMQ's own keys, with a queue's prefix: `rung`, for each lane how many jobs it has and whose it is; `held`, how
 * many lanes of each account that is; `turns`, counters; `line:<account>:<class>`. All of it may be lost with the jobs:
 * the sweep rings again, and clears from `rung` what has no lane any more.
 */
import { createRequire } from 'node:module';
import type { AccountId, QueueName, ResourceName } from '@plumbline/domain';
import type { Redis } from 'ioredis';
import { JOB_OPTIONS } from './job.js';

/** Lanes of one account that have jobs in one queue at a time. */
export const LANES_RUNG_MAX = 32;
/** Jobs that go ahead for each bulk job that goes with them. */
const AHEAD_PER_BULK = 4;
/** BullMQ's prefix of all keys of a queue. */
export const keysOf = (queue: QueueName): string => `bull:${queue}:`;

/** The library's own scripts, as it builds them, made part of ours: how a job is added stays its business. */
const load = createRequire(import.meta.url);
function scriptOf(name: 'addStandardJob' | 'addPrioritizedJob'): string {
  // No types are published for these files; that they are scripts shows when Redis compiles them.
  const exported = load(`bullmq/dist/cjs/scripts/${name}-9.js`) as Record<typeof name, { content: string }>;
  return exported[name].content;
}

/** What all calls of one run share, and what each says for itself. */
const FIXED_ARGUMENTS = 3;
const CALL_ARGUMENTS = 5;

const SCRIPT = `
local function addStandard(KEYS, ARGV)
${scriptOf('addStandardJob')}
end
local function addPrioritized(KEYS, ARGV)
${scriptOf('addPrioritizedJob')}
end

local call = redis.call
local prefix, now, options = unpack(ARGV)
-- Of the call that is being made; there may be many.
local verb, lane, account, class, anew

local function key(name) return prefix .. name end
local function keys(...)
  local full = {}
  for at, name in ipairs({...}) do full[at] = key(name) end
  return full
end
local function line(of) return key('line:' .. account .. ':' .. of) end
local function inLine() return call('EXISTS', line('ahead'), line('bulk')) > 0 end
local function held() return tonumber(call('HGET', key('held'), account) or '0') end

local function bulkInItsTurn()
  if call('HINCRBY', key('turns'), '', 1) % ${AHEAD_PER_BULK} ~= 0 then return end
  local oldest = call('ZPOPMIN', key('prioritized'))
  if oldest[1] then call('LPUSH', key('wait'), oldest[1]) end
end

local function addJob(resource, of)
  local data = { resource = resource }
  if account ~= '' then data.account = account; data.counted = true end
  local job = cmsgpack.pack({ prefix, '', 'lane', now })
  local opts = cjson.decode(options)
  if of == 'ahead' then
    addStandard(
      keys('wait', 'paused', 'meta', 'id', 'completed', 'delayed', 'active', 'events', 'marker'),
      { job, cjson.encode(data), cmsgpack.pack(opts) })
    bulkInItsTurn()
  else
    opts.priority = 1
    addPrioritized(
      keys('marker', 'meta', 'id', 'prioritized', 'delayed', 'completed', 'active', 'events', 'pc'),
      { job, cjson.encode(data), cmsgpack.pack(opts) })
  end
end

local function rungNow(resource, of)
  call('HSET', key('rung'), resource, '1 ' .. account)
  call('HINCRBY', key('held'), account, 1)
  addJob(resource, of)
end

local function next()
  local first = 'ahead'
  if call('EXISTS', line('ahead'), line('bulk')) == 2 then
    if call('HINCRBY', key('turns'), account, 1) % ${AHEAD_PER_BULK + 1} == 0 then first = 'bulk' end
  else
    call('HDEL', key('turns'), account)
    if call('EXISTS', line('ahead')) == 0 then first = 'bulk' end
  end
  return call('ZPOPMIN', line(first))[1], first
end

local function callNext()
  for _ = held() + 1, ${LANES_RUNG_MAX} do
    local resource, of = next()
    if not resource then return end
    rungNow(resource, of)
  end
end

local function standInLine()
  if class == 'ahead' then
    call('ZREM', line('bulk'), lane)
  elseif call('ZSCORE', line('ahead'), lane) then
    return
  end
  local time = call('TIME')
  call('ZADD', line(class), 'NX', time[1] * 1000000 + time[2], lane)
end

local function ring()
  if account == '' then return addJob(lane, class) end
  local entry = call('HGET', key('rung'), lane)
  if entry then
    local jobs = anew == '1' and 1 or tonumber(string.match(entry, '^%d+')) + 1
    call('HSET', key('rung'), lane, jobs .. ' ' .. account)
    return addJob(lane, class)
  end
  if held() < ${LANES_RUNG_MAX} and not inLine() then return rungNow(lane, class) end
  standInLine()
  callNext()
end

local function leave()
  local entry = call('HGET', key('rung'), lane)
  if not entry then return end
  local jobs, owner = string.match(entry, '^(%d+) (.*)$')
  account = owner
  if anew ~= '1' and tonumber(jobs) > 1 then
    call('HSET', key('rung'), lane, (jobs - 1) .. ' ' .. owner)
    return
  end
  call('HDEL', key('rung'), lane)
  if call('HINCRBY', key('held'), owner, -1) < 1 then call('HDEL', key('held'), owner) end
  callNext()
end

for at = ${FIXED_ARGUMENTS} + 1, #ARGV, ${CALL_ARGUMENTS} do
  verb, lane, account, class, anew = unpack(ARGV, at, at + ${CALL_ARGUMENTS} - 1)
  if verb == 'ring' then ring() else leave() end
end
return 1
`;

const COMMAND = 'plumblineLane';
const OPTIONS = JSON.stringify(JOB_OPTIONS);

export interface LaneCall {
  /** `ring`: look at this lane. `leave`: a job of it has ended. */
  readonly verb: 'ring' | 'leave';
  readonly queue: QueueName;
  readonly resource: ResourceName;
  /** Whose it is; absent: it is rung past any line. A leave finds it noted. */
  readonly account?: AccountId | undefined;
  readonly ahead?: boolean | undefined;
  /** Whatever jobs it seems to have are taken for lost: a ring is then the only one, a leave the last. */
  readonly anew?: boolean | undefined;
}

/** What `defineCommand` adds to a client; ioredis cannot know its type. */
type WithCommand = Record<typeof COMMAND, (...args: readonly string[]) => Promise<unknown>>;

export function defineLaneScript(client: Redis): void {
  client.defineCommand(COMMAND, { numberOfKeys: 1, lua: SCRIPT });
}

/** Makes these calls at one queue in one run of the script, one after the other: most of a run's price is its beginning. */
export async function callLanes(client: Redis, queue: QueueName, calls: readonly LaneCall[]): Promise<void> {
  const prefix = keysOf(queue);
  const args = calls.flatMap(({ verb, resource, account = '', ahead = false, anew = false }) => [
    ...[verb, resource, account],
    ...[ahead ? 'ahead' : 'bulk', anew ? '1' : '0'],
  ]);
  const commands = client as unknown as WithCommand;
  await commands[COMMAND](`${prefix}wait`, prefix, String(Date.now()), OPTIONS, ...args);
}
