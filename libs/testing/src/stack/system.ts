import { chmodSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Lane } from '@plumbline/domain';
import { disagreementsIn } from './agreement.js';
import { imagesIn, lookAtAll, readRegistry } from './look.js';
import type { Outside, RegistryEntry, SeenImage } from './look.js';

/** A running stack, as far as a suite of the apps handles one. */
export interface StackInHand {
  readonly env: Readonly<Record<string, string>>;
  readonly stack: { readonly layout: { readonly logs: string } };
  status(): Promise<readonly { readonly name: string; readonly state: string }[]>;
  process(name: string): { readonly pid: number; readonly port: number | null };
  kill(name: string): Promise<void>;
  pause(name: string): void;
  resume(name: string): void;
  halt(name: string): Promise<void>;
  /** Stops it if it runs, and starts it as it is now. */
  restart(name: string): Promise<void>;
  isAlive(name: string): boolean;
  /** What a process is told besides from its next start on. */
  override(name: string, environment: Readonly<Record<string, string>>): void;
  start(name: string): Promise<void>;
  /** A second process of that name; what it is called here. */
  twin(name: string): Promise<string>;
  begin(app: string, as?: string): Promise<void>;
  restore(): Promise<void>;
  scale(app: string, count: number): Promise<void>;
  stop(): Promise<void>;
  purge(): Promise<void>;
}

interface StackWish {
  ephemeral: boolean;
  data: string;
  workers?: Readonly<Record<string, number>>;
}

/** What a suite hands in of the stack: a library must not depend on a tool. */
export interface StackTools extends Outside {
  startStack(wish: StackWish): Promise<StackInHand>;
  waitFor(check: () => Promise<boolean>, options: { what: string }): Promise<unknown>;
}

export interface Answer<T> {
  readonly status: number;
  readonly body: T;
  readonly headers: Headers;
  readonly tookMs: number;
}

export interface Asking {
  readonly body?: unknown;
  /** The body as it is, instead of one made of a value. */
  readonly raw?: string;
  /** Null: none at all. */
  readonly token?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ErrorBody {
  readonly id: string;
  readonly message: string;
  readonly request_id: string;
}

export interface ShownVolume {
  readonly id: string;
  readonly name: string;
  readonly size_gigabytes: number;
  readonly droplet_ids: readonly number[];
}

export interface ShownAction {
  readonly id: number;
  readonly status: 'in-progress' | 'completed' | 'errored';
  readonly type: string;
}

/** An intent that was recorded without waiting for it. */
export interface Recorded {
  readonly action: number;
  readonly volume: string;
}

const ASK_MS = 60_000;
const AGREE_MS = 60_000;
const AGAIN_MS = 250;
/** What moves by itself: signs of life, and what is owed, which goes when billing has learnt it. */
const MOVES_BY_ITSELF = /^(boots|beats|scrub|discrepancies|owed)\/|^tick$/;

/** A whole system on real parts, with what suites of the apps do to it and read of it. */
export class System {
  private constructor(
    private readonly tools: StackTools,
    readonly stack: StackInHand,
  ) {}

  /** @param wish `ephemeral: false` for a Ceph whose objects outlive `kill -9` */
  static async start(
    tools: StackTools,
    { workers = {}, ephemeral = true }: Pick<Partial<StackWish>, 'workers' | 'ephemeral'> = {},
  ): Promise<System> {
    const data = mkdtempSync(join(tmpdir(), 'plumbline-e2e-'));
    chmodSync(data, 0o755); // PostgreSQL runs as a user of its own and has to get in.
    return new System(tools, await tools.startStack({ ephemeral, data, workers }));
  }

  variable(name: string): string {
    const value = this.stack.env[name];
    if (value === undefined) throw new Error(`the stack does not say ${name}`);
    return value;
  }

  /** One request, as any client makes it; whatever is answered is an answer. */
  async ask<T = ErrorBody>(method: string, path: string, asking: Asking = {}): Promise<Answer<T>> {
    const { body, raw = body === undefined ? undefined : JSON.stringify(body), headers } = asking;
    const { token = this.variable('PLUMBLINE_TOKEN') } = asking;
    const began = performance.now();
    const answer = await fetch(`${this.variable('PLUMBLINE_URL')}${path}`, {
      method,
      headers: {
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(raw === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      signal: AbortSignal.timeout(ASK_MS),
      ...(raw === undefined ? {} : { body: raw }),
    });
    const text = await answer.text();
    return {
      status: answer.status,
      body: (text === '' ? undefined : JSON.parse(text)) as T,
      headers: answer.headers,
      tookMs: performance.now() - began,
    };
  }

  async operate<T>(method: string, path: string, body?: unknown): Promise<Answer<T>> {
    return this.ask<T>(method, `/ops/v1/${path}`, { body, token: this.variable('PLUMBLINE_OPS_TOKEN') });
  }

  wish(name: string, sizeGib = 1): { name: string; size_gigabytes: number; region: string } {
    return { name, size_gigabytes: sizeGib, region: this.variable('PLUMBLINE_REGION') };
  }

  /** Creates a volume and waits for it, as customers do. */
  async create(name: string, sizeGib = 1): Promise<string> {
    const { status, body } = await this.ask<{ volume: ShownVolume }>('POST', '/v2/volumes', {
      body: this.wish(name, sizeGib),
    });
    if (status !== 201) throw new Error(`creating ${name} was answered ${status}: ${JSON.stringify(body)}`);
    return body.volume.id;
  }

  /** Has the creation of a volume recorded, and does not wait for it. */
  async record(name: string): Promise<Answer<unknown> & Recorded> {
    const answer = await this.ask<{ action: ShownAction; links: { volume: { id: string } } }>(
      'POST',
      '/v2/volumes',
      { body: this.wish(name), headers: { prefer: 'respond-async' } },
    );
    if (answer.status !== 202)
      throw new Error(`recording ${name} was answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    return { ...answer, action: answer.body.action.id, volume: answer.body.links.volume.id };
  }

  async recordMany(prefix: string, count: number): Promise<readonly (Answer<unknown> & Recorded)[]> {
    return Promise.all(Array.from({ length: count }, (_, n) => this.record(`${prefix}-${n}`)));
  }

  /** Asks for an action of a volume. */
  async begin(volume: string, body: object): Promise<number> {
    const path = `/v2/volumes/${volume}/actions`;
    const answer = await this.ask<{ action: ShownAction }>('POST', path, { body });
    if (answer.status !== 202)
      throw new Error(
        `${JSON.stringify(body)} was answered ${answer.status}: ${JSON.stringify(answer.body)}`,
      );
    return answer.body.action.id;
  }

  /** Asks for an action of a volume and waits for its end. */
  async act(volume: string, body: object): Promise<void> {
    await this.completed([await this.begin(volume, body)]);
  }

  /** Waits until these actions have ended well; says which have not. */
  async completed(actions: readonly number[], deadlineMs = AGREE_MS): Promise<void> {
    const open = new Set(actions);
    const until = performance.now() + deadlineMs;
    const errored: number[] = [];
    while (open.size > 0) {
      for (const [key, { value }] of await this.registry()) {
        if (!key.startsWith('actions/')) continue;
        const { n, status } = value as { n: number; status: string };
        if (status === 'in-progress' || !open.delete(n)) continue;
        if (status !== 'completed') errored.push(n);
      }
      if (open.size > 0 && performance.now() > until)
        throw new Error(`${open.size} of ${actions.length} actions did not end within ${deadlineMs} ms`);
      if (open.size > 0) await sleep(AGAIN_MS);
    }
    if (errored.length > 0) throw new Error(`actions ended errored: ${errored.join(', ')}`);
  }

  async volume(id: string): Promise<ShownVolume> {
    return (await this.ask<{ volume: ShownVolume }>('GET', `/v2/volumes/${id}`)).body.volume;
  }

  /** Every key of the product in Consul, without the prefix, read in one instant through Consul's own HTTP. */
  async registry(part = ''): Promise<ReadonlyMap<string, RegistryEntry>> {
    return readRegistry(this.variable('CONSUL_HTTP_ADDR'), part);
  }

  /** What requests can change in the registry, with the index of each key: equal means that nothing was written. */
  async recorded(): Promise<readonly string[]> {
    const entries = [...(await this.registry())].filter(([key]) => !MOVES_BY_ITSELF.test(key));
    return entries.map(([key, { index, value }]) => `${key}@${index} ${JSON.stringify(value)}`);
  }

  /** Images of the region's pool, by `rbd`. */
  async images(): Promise<readonly SeenImage[]> {
    return imagesIn(this.variable('CEPH_CONF'), this.variable('PLUMBLINE_POOL'));
  }

  async lanes(): Promise<readonly Lane[]> {
    const entries = [...(await this.registry())].filter(([key]) => key.startsWith('lanes/'));
    return entries.map(([, { value }]) => value as Lane);
  }

  /** The boots that live under a process's name. */
  async bootsOf(name: string): Promise<readonly string[]> {
    const boots = [...(await this.registry())].filter(([key]) => key.startsWith('boots/'));
    return boots
      .map(([, { value }]) => value as { boot: string; name: string })
      .filter((boot) => boot.name === name)
      .map(({ boot }) => boot);
  }

  /**
   * Waits until nothing is under way and all sources agree, and says what still differs at the deadline. Images that a
   * test has planted beside the product's are passed over.
   */
  async disagreements(planted: readonly string[] = [], deadlineMs = AGREE_MS): Promise<readonly string[]> {
    const until = performance.now() + deadlineMs;
    for (;;) {
      const found = disagreementsIn(await lookAtAll(this.stack.env, this.tools), planted);
      if (found.length === 0 || performance.now() > until) return found;
      await sleep(AGAIN_MS);
    }
  }

  /** What a process says of itself; null when it does not answer. */
  /** Waits until the api says that it is ready, and that just these delay its work. */
  async degradedBy(names: readonly string[]): Promise<void> {
    const wanted = JSON.stringify({ status: 200, missing: [], degraded: names });
    const isSo = async () => JSON.stringify(await this.readiness('api')) === wanted;
    await this.tools.waitFor(isSo, { what: `the api to be degraded by ${names.join(' and ') || 'nothing'}` });
  }

  async readiness(
    name: string,
  ): Promise<{ status: number; missing: readonly string[]; degraded: readonly string[] } | null> {
    type Said = { missing: readonly { name: string }[]; degraded?: readonly { name: string }[] };
    try {
      const answer = await fetch(`${this.health(name)}/readyz`, { signal: AbortSignal.timeout(5_000) });
      const { missing, degraded = [] } = (await answer.json()) as Said;
      return {
        status: answer.status,
        missing: missing.map((one) => one.name),
        degraded: degraded.map((one) => one.name),
      };
    } catch {
      return null;
    }
  }

  /** Jobs of a queue that a process has done since it started, by its own metrics. */
  async jobsDone(name: string, queue: string): Promise<number> {
    return this.metric(name, 'plumbline_jobs_total', [`queue="${queue}"`, 'outcome="done"']);
  }

  /** One of a process's metrics, with all of these labels; nought when there is none. */
  async metric(name: string, metric: string, labels: readonly string[] = []): Promise<number> {
    const line = (await this.metrics(name))
      .split('\n')
      .find((each) => each.startsWith(`${metric}{`) && labels.every((label) => each.includes(label)));
    return Number(line?.split(' ').at(-1) ?? 0);
  }

  /** All of a process's metrics, as text. */
  async metrics(name: string): Promise<string> {
    return (await fetch(`${this.health(name)}/metrics`)).text();
  }

  /** What a process has logged. */
  logged(name: string): string {
    return readFileSync(join(this.stack.stack.layout.logs, `${name}.log`), 'utf8');
  }

  private health(name: string): string {
    return `http://127.0.0.1:${this.stack.process(name).port}`;
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
