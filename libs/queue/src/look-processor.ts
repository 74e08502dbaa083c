import { inspect } from '@plumbline/domain';
import type { FacetName, HostName, Json, Part, QueueName, Source } from '@plumbline/domain';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { within } from './deadline.js';
import { fieldsOf } from './job.js';
import { jobProcessor } from './job-processor.js';
import type { JobProcessor } from './job-processor.js';
import { PLACES_MAX, isReplyChannel, lookKey } from './looks.js';
import type { ListAnswer, LookAnswer, LookJob, LookPlace, LookQuestion, LookReply } from './looks.js';
import type { RedisConnection } from './redis.js';

/** Looks answered at once. */
const CONCURRENCY = 8;
/** Things in one listing; a source with more is not listed through a queue. */
const ITEMS_MAX = 10_000;

interface LookWork {
  readonly queue: QueueName;
  readonly by?: string;
  readonly sources: ReadonlyMap<FacetName, Source>;
  /** Rejects while the source cannot be asked. */
  readonly ping: (signal: AbortSignal) => Promise<void>;
  readonly redis: RedisConnection;
  readonly log: Logger;
  readonly metrics: Registry;
}

/** Answers looks from a worker's sources, for as long as somebody waits for the answer. */
export function lookProcessor({ sources, ping, redis, ...work }: LookWork): JobProcessor {
  const processor = jobProcessor<LookJob>({
    ...work,
    concurrency: CONCURRENCY,
    parse: parseLookJob,
    async handle(job) {
      const leftMs = await redis.client.pttl(lookKey(job.id));
      if (leftMs <= 0) return;
      const reply: LookReply = { id: job.id, answers: await answersTo(job.ask, { sources, ping }, leftMs) };
      await redis.client.publish(job.replyTo, JSON.stringify(reply));
    },
  });
  return processor as JobProcessor;
}

type Sources = LookWork['sources'];

async function answersTo(
  question: LookQuestion,
  { sources, ping }: Pick<LookWork, 'sources' | 'ping'>,
  leftMs: number,
): Promise<LookReply['answers']> {
  const controller = new AbortController();
  const deadlineMs = Math.max(1, leftMs - Math.min(MARGIN_MS, leftMs / 4));
  const limit = { deadlineMs, controller };
  try {
    if ('list' in question) return await list(question.list, sources, limit);
    if ('ping' in question) return [await answered('the source', () => ping(controller.signal), limit)];
    return await Promise.all(question.places.map((place) => look(place, sources, limit)));
  } finally {
    controller.abort();
  }
}

/** Left for the way back, so that an answer that only says "late" is not late itself. */
const MARGIN_MS = 100;

interface Limit {
  readonly deadlineMs: number;
  readonly controller: AbortController;
}

async function look({ facet, ...place }: LookPlace, sources: Sources, limit: Limit): Promise<LookAnswer> {
  const source = sources.get(facet);
  if (source === undefined) return { unknown: `this worker knows nothing of ${facet}` };
  return answered(facet, () => inspect(source, place, limit.controller.signal), limit);
}

async function answered(
  what: string,
  call: () => Promise<Json | void>,
  { deadlineMs }: Limit,
): Promise<LookAnswer> {
  try {
    const seen = await within({ what, deadlineMs }, call());
    return { seen: seen ?? null, at: Date.now() };
  } catch (error) {
    return { unknown: messageOf(error) };
  }
}

async function list(
  facet: FacetName,
  sources: Sources,
  { deadlineMs, controller }: Limit,
): Promise<ListAnswer> {
  const source = sources.get(facet);
  if (source === undefined) return { unknown: `this worker knows nothing of ${facet}` };
  try {
    const listed = await within({ what: facet, deadlineMs }, collect(source, controller.signal));
    return { ...listed, at: Date.now() };
  } catch (error) {
    return { unknown: messageOf(error) };
  }
}

async function collect(source: Source, signal: AbortSignal) {
  const items = [];
  const unasked: Part[] = [];
  for await (const item of source.list(signal, (part) => unasked.push(part))) {
    if (items.length === ITEMS_MAX) throw new RangeError(`more than ${ITEMS_MAX} things`);
    items.push(item);
  }
  return { items, unasked };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function parseLookJob(data: unknown): LookJob | null {
  const { ask, id, replyTo } = fieldsOf(data);
  if (typeof id !== 'string' || typeof replyTo !== 'string' || !isReplyChannel(replyTo)) return null;
  const question = parseQuestion(fieldsOf(ask));
  return question === null ? null : { ask: question, id, replyTo };
}

function parseQuestion({ places, list, ping }: Readonly<Record<string, unknown>>): LookQuestion | null {
  if (ping === true) return { ping };
  if (typeof list === 'string') return { list: list as FacetName };
  if (!Array.isArray(places) || places.length > PLACES_MAX) return null;
  const parsed = places.map((place) => parsePlace(fieldsOf(place)));
  return parsed.includes(null) ? null : { places: parsed as LookPlace[] };
}

function parsePlace({ facet, key, host }: Readonly<Record<string, unknown>>): LookPlace | null {
  if (typeof facet !== 'string' || typeof key !== 'string') return null;
  const at = typeof host === 'string' ? { host: host as HostName } : {};
  return { facet: facet as FacetName, key, ...at };
}
