/**
 * Looks: what does a source say, right now? The asker holds no connection to any source, so it asks through a queue that is
 * never throttled or paused. Answers come over a channel of the asker's own; who does not answer in time is unknown, and
 * nothing else. A key that lives as long as the asker waits tells a late worker that nobody does any more, without
 * comparing two machines' clocks.
 */
import { randomUUID } from 'node:crypto';
import type { FacetName, Instant, Json, Part, Place, QueueName } from '@plumbline/domain';
import type { Logger } from 'pino';
import { within } from './deadline.js';
import { fieldsOf } from './job.js';
import type { Listener } from './listener.js';
import { OpenQueues } from './open-queues.js';
import type { RedisConnection } from './redis.js';
import { Trouble } from './trouble.js';

export interface LookPlace extends Place {
  readonly facet: FacetName;
}

export type LookAnswer = { readonly seen: Json; readonly at: Instant } | { readonly unknown: string };

/** Everything of a facet as one worker sees it, but for the parts that it could not ask. */
export type ListAnswer =
  | {
      readonly items: readonly (Place & { readonly seen: Json })[];
      readonly unasked: readonly Part[];
      readonly at: Instant;
    }
  | { readonly unknown: string };

export type LookQuestion =
  { readonly places: readonly LookPlace[] } | { readonly list: FacetName } | { readonly ping: true };

export interface LookJob {
  readonly ask: LookQuestion;
  readonly id: string;
  readonly replyTo: string;
}

export interface LookReply {
  readonly id: string;
  readonly answers: readonly LookAnswer[] | ListAnswer;
}

/** Places in one question. */
export const PLACES_MAX = 200;
/** Questions that may be open at once. */
const OPEN_MAX = 1000;
const NOBODY = 'no worker answered in time';

const JOB_OPTIONS = { attempts: 1, removeOnComplete: { age: 600, count: 200 }, removeOnFail: { count: 200 } };

/** Exists while somebody waits for the answer. */
export function lookKey(id: string): string {
  return `plumbline:look:${id}`;
}

const REPLY_PREFIX = 'plumbline:looks:';

export function isReplyChannel(text: string): boolean {
  return text.startsWith(REPLY_PREFIX);
}

export class Looks {
  private readonly redis: RedisConnection;
  private readonly trouble: Trouble;
  private readonly queues: OpenQueues;
  private readonly open = new Map<string, (answers: LookReply['answers']) => void>();
  private readonly replyTo = `${REPLY_PREFIX}${randomUUID()}`;

  constructor({ redis, listener, log }: { redis: RedisConnection; listener: Listener; log: Logger }) {
    this.redis = redis;
    this.trouble = new Trouble(log, 'asking sources');
    this.queues = new OpenQueues(redis, this.trouble);
    void listener.listen(this.replyTo, (message) => this.hear(message as LookReply));
  }

  /** One answer a place, in the order asked. Never rejects. */
  async ask(
    queue: QueueName,
    places: readonly LookPlace[],
    deadlineMs: number,
  ): Promise<readonly LookAnswer[]> {
    if (places.length > PLACES_MAX) throw new RangeError(`more than ${PLACES_MAX} places in one look`);
    return places.length === 0 ? [] : this.answers(queue, { places }, { count: places.length, deadlineMs });
  }

  /** Never rejects. */
  async list(queue: QueueName, facet: FacetName, deadlineMs: number): Promise<ListAnswer> {
    const answer = await this.send(queue, { list: facet }, deadlineMs);
    return 'items' in answer || 'unknown' in answer ? answer : { unknown: 'the answer was malformed' };
  }

  /** Whether some worker reaches its source: null, or why that is not known. Never rejects. */
  async ping(queue: QueueName, deadlineMs: number): Promise<string | null> {
    const [answer] = await this.answers(queue, { ping: true }, { count: 1, deadlineMs });
    return answer !== undefined && 'unknown' in answer ? answer.unknown : null;
  }

  async close(): Promise<void> {
    for (const end of [...this.open.values()]) end({ unknown: 'the asking process is shutting down' });
    await this.queues.close();
  }

  private async answers(
    queue: QueueName,
    question: LookQuestion,
    { count, deadlineMs }: { count: number; deadlineMs: number },
  ): Promise<readonly LookAnswer[]> {
    const answers = await this.send(queue, question, deadlineMs);
    if (Array.isArray(answers) && answers.length === count) return answers as readonly LookAnswer[];
    const unknown = 'unknown' in answers ? answers.unknown : 'the answer was malformed';
    return Array.from({ length: count }, () => ({ unknown }));
  }

  private async send(name: QueueName, ask: LookQuestion, deadlineMs: number): Promise<LookReply['answers']> {
    if (this.open.size >= OPEN_MAX) return { unknown: 'too many looks at once' };
    const id = randomUUID();
    return new Promise((resolve) => {
      const end = (answers: LookReply['answers']) => {
        clearTimeout(timer);
        this.open.delete(id);
        resolve(answers);
      };
      const timer = setTimeout(() => end({ unknown: NOBODY }), deadlineMs);
      this.open.set(id, end);
      this.enqueue(name, { ask, id, replyTo: this.replyTo }, deadlineMs).then(
        () => this.trouble.worked(),
        (error: unknown) => {
          this.trouble.failed(error);
          end({ unknown: 'the queue of looks cannot be reached' });
        },
      );
    });
  }

  private async enqueue(name: QueueName, job: LookJob, deadlineMs: number): Promise<void> {
    const sent = [
      this.redis.client.set(lookKey(job.id), '1', 'PX', deadlineMs),
      this.queues.get(name).add('look', job, JOB_OPTIONS),
    ];
    await within({ what: `asking at ${name}`, deadlineMs }, Promise.all(sent));
  }

  private hear(reply: LookReply): void {
    const { id, answers } = fieldsOf(reply);
    if (typeof id === 'string' && typeof answers === 'object') this.open.get(id)?.(reply.answers);
  }
}
