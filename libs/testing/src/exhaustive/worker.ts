import type { Backend, BootId, QueueName, ResourceName } from '@plumbline/domain';
import { parseDiskKey } from '@plumbline/qemu-facets';
import type { FakeRequest } from '../kv/fake-consul.js';
import { toldAnswer } from './body.js';
import type { Answer, Asked, Body, Input, Output, Request, Stand } from './body.js';
import type { Doer, Ground } from './ground.js';
import { byNumber, mirrored, numbered, numberedObject } from './mirror.js';
import type { Numbered } from './mirror.js';
import { addressOf, bootOf, queueOfRole } from './process.js';
import type { Role } from './process.js';
import { passes } from './requests.js';

/** What all workers of one play have in common. */
export interface Surroundings {
  readonly ground: Ground;
  /** Who has a VM's monitor: one client at a time, until its process ends. */
  readonly monitors: Map<string, string>;
  /** While a story is told up to where it matters, nothing waits. */
  readonly isPrompt: boolean;
  isDead(name: string): boolean;
  ring(queue: QueueName): void;
  /** Who was struck, when it is not among the boots any more. */
  gone(): string | null;
  /** True when what this worker learns of the others may change between a request's landing and its answer. */
  mayActOnOldNews(worker: Worker): boolean;
}

/** What a worker waits for: its request arrives, or the answer does. */
export interface Waiting {
  readonly asked: Asked;
  /** In which turn it was sent; null: it is none of a source's. */
  readonly turn: number | null;
  /** What the answer is made of: where the store was when it landed decides it. Null: it has not landed. */
  readonly answer: Answer | null;
}

/** A worker as the others meet it: its process, and what of it is under way. */
export class Worker implements Doer {
  isDead = false;
  isRung = false;
  waiting: readonly Waiting[] = [];
  readonly boot: BootId;

  constructor(
    private readonly around: Surroundings,
    readonly role: Role,
    readonly name: string,
    private body: Body,
  ) {
    this.boot = bootOf(name) as BootId;
  }

  /** The same of a run that goes on by itself. */
  copy(around: Surroundings): Worker {
    const copy = new Worker(around, this.role, this.name, this.body);
    copy.isDead = this.isDead;
    copy.isRung = this.isRung;
    copy.waiting = this.waiting;
    return copy;
  }

  /** @throws Error when it was to admit something, and refuses */
  async begin(): Promise<void> {
    await this.startOn({ do: 'begin' });
  }

  get address(): string {
    return addressOf(this.name);
  }

  get queue(): QueueName {
    return queueOfRole(this.role);
  }

  get isAtWork(): boolean {
    return this.body.at.isAtWork;
  }

  get isTakingOver(): boolean {
    return this.body.at.isTakingOver;
  }

  /** Of one that is dead only what it has sent still counts, as far as it can show. */
  end(): void {
    this.isDead = true;
    this.waiting = this.waiting.filter(({ answer }) => answer === null);
  }

  /** What its future depends on. */
  state(): Numbered {
    const stand = this.isDead ? NOTHING : numberedStand(this.body.at);
    const waiting = this.underWay.map(numberedWaiting);
    const rung = this.isDead ? 'dead' : Number(this.isRung);
    return numbered(
      `${this.name} ${rung} ${stand.as} ${waiting
        .map((one) => one.as)
        .sort(byNumber)
        .join()}`,
      () =>
        `${mirrored(this.name)} ${rung} ${stand.mirrored} ${waiting
          .map((one) => one.mirrored)
          .sort(byNumber)
          .join()}`,
    );
  }

  noteAddress(): Promise<void> {
    return this.role === 'ceph' ? this.startOn({ do: 'note its address' }) : Promise.resolve();
  }

  admit(asked: Omit<Extract<Input, { do: 'admit' }>, 'do'>): Promise<void> {
    return this.startOn({ do: 'admit', ...asked });
  }

  beWalked(): Promise<void> {
    return this.feed({ do: 'be walked' });
  }

  async work(resource: ResourceName): Promise<void> {
    this.isRung = false;
    await this.startOn({ do: 'work', resource });
  }

  /** @returns whether its boot's key says that it may not live */
  get isFencedOff(): boolean {
    return !this.around.ground.isAlive(this);
  }

  get mayBeat(): boolean {
    return !this.isDead && !this.isAtWork && this.isFencedOff;
  }

  beat(): Promise<void> {
    return this.aside({ do: 'beat' });
  }

  /** A boot has gone since it looked. */
  mayLook(): boolean {
    return !this.isDead && !this.body.at.knowsOneGone && this.around.gone() !== null;
  }

  look(): Promise<void> {
    return this.aside({ do: 'look', gone: this.around.gone() });
  }

  takeOver(victim: Worker): Promise<void> {
    const { ground } = this.around;
    const beat = ground.store.get(ground.layout.beat(victim.boot))?.value ?? '';
    return this.startOn({ do: 'take over', boot: victim.boot, beat: victim.isFencedOff ? null : beat });
  }

  /** What a dead one has sent and nobody can see any more is no event. */
  get underWay(): readonly Waiting[] {
    if (!this.isDead) return this.waiting;
    return this.waiting.filter(({ asked }) => !this.isInVain(asked.request));
  }

  /** What can happen next of what it waits for. */
  get ready(): readonly Waiting[] {
    return this.underWay.filter(
      ({ asked: { request } }) => request.of !== 'source' || this.isGreeted(request.place.key),
    );
  }

  isYetToHearOf(boot: BootId): boolean {
    return this.waiting.some(({ answer }) => answer !== null && toldAnswer(answer).includes(boot));
  }

  async happen(waiting: Waiting): Promise<void> {
    if (waiting.answer !== null) await this.hear(waiting, waiting.answer);
    else await this.arrive(waiting);
  }

  drop(waiting: Waiting): void {
    this.waiting = this.waiting.filter((other) => other !== waiting);
  }

  /** What it asks first arrives at once: whenever else it could, it could as well have begun. */
  private async startOn(input: Input): Promise<void> {
    const before = this.waiting;
    await this.feed(input);
    this.sendOn();
    const [first] = this.waiting.filter((waiting) => !before.includes(waiting));
    if (first !== undefined) await this.arrive(first);
    while (this.around.isPrompt && this.waiting.length > 0) await this.happen(this.waiting[0]!);
  }

  /** Beside its work, and answered at once. */
  private async aside(input: Input): Promise<void> {
    await this.feed(input);
    const { aside } = this.body.at;
    if (aside === null || aside.request.of !== 'registry') throw new TypeError(`${this.name} asks nothing`);
    await this.feed({ do: 'hear', of: null, answer: this.serve(aside.request.request) });
  }

  private async hear(waiting: Waiting, answer: Answer): Promise<void> {
    this.drop(waiting);
    await this.feed({ do: 'hear', of: waiting.asked.name, answer });
    this.sendOn();
  }

  private sendOn(): void {
    if (this.isDead) return;
    const isSent = (asked: Asked): boolean => this.waiting.some((sent) => sent.asked.name === asked.name);
    const sent = this.body.at.asked.filter((asked) => !isSent(asked));
    const turn = ({ request }: Asked) => (request.of === 'source' ? this.around.ground.turnOf(this) : null);
    if (sent.length > 0)
      this.waiting = [
        ...this.waiting,
        ...sent.map((asked): Waiting => ({ asked, turn: turn(asked), answer: null })),
      ];
  }

  private async feed(input: Input): Promise<void> {
    const step = this.body.feed(input);
    const { body, outputs } = step instanceof Promise ? await step : step;
    this.body = body;
    for (const output of outputs) this.show(output);
  }

  private show(output: Output): void {
    const { around } = this;
    switch (output.did) {
      case 'end':
        return this.end();
      case 'ring':
        // What is to be rung later is rung by the sweep.
        if (output.delayMs === 0) around.ring(output.queue);
        return;
      case 'fence':
        return around.ground.ownSources.fence(output.address);
      case 'admit':
        around.ground.promised.set(output.intent, output.key);
        return;
      case 'refuse':
        throw output.error;
      case 'fail':
        around.ground.mistakes.push(output.why);
    }
  }

  private async arrive(waiting: Waiting): Promise<void> {
    const { request } = waiting.asked;
    if (request.of === 'source') return await this.call(waiting, request);
    let answer: Answer = { value: undefined };
    if (request.of === 'fence') this.around.ground.blocklist.add(request.address);
    else answer = this.serve(request.request);
    if (this.isDead) return this.drop(waiting);
    const isLate = request.of === 'registry' && passes(request.request) && this.around.mayActOnOldNews(this);
    if (!isLate) return await this.hear(waiting, answer);
    this.drop(waiting);
    this.waiting = [...this.waiting, { ...waiting, answer }];
  }

  private serve(request: FakeRequest): Answer {
    const { ground } = this.around;
    const { store } = ground;
    if (request.what === 'transact') return { value: { ...ground.write(this, request.ops), dateMs: null } };
    if (request.what === 'read') return { value: request.prefixes.map((prefix) => store.tree(prefix)) };
    return { value: store[request.what](request.prefix) };
  }

  private async call(
    waiting: Waiting,
    { what, facet, place, change }: Extract<Request, { of: 'source' }>,
  ): Promise<void> {
    const { ground } = this.around;
    const turn = waiting.turn ?? 0;
    if (!this.isLetIn(place.key)) return this.drop(waiting);
    const sources = what === 'observe' ? ground.sources : ground.ownSources;
    const backend: Backend = sources.backendsOf(this.role === 'qemu' ? 'qemu' : 'ceph').get(facet)!;
    const { signal } = NEVER;
    const before = standing(ground);
    const result =
      what === 'observe' ? backend.observe(place, signal) : backend[what](place, change!, signal);
    ground.operated(this, { turn, key: place.key, changes: before !== standing(ground) });
    const answer: Answer = await result.then(
      (value: unknown) => ({ value }),
      (error: unknown) => ({ error }),
    );
    if (this.isDead) this.drop(waiting);
    else await this.hear(waiting, answer);
  }

  /** Its own guard refuses it, now and for ever: an index does not come back. So are those who are cut off. */
  private isInVain(request: Request): boolean {
    const { ground } = this.around;
    if (request.of === 'source') return this.role === 'ceph' && ground.blocklist.has(this.address);
    if (request.of === 'fence') return false;
    if (request.request.what !== 'transact') return true;
    const key = ground.layout.boot(this.boot);
    return request.request.ops.some(
      (op) => op.verb === 'check-index' && op.key === key && ground.store.get(key)?.index !== op.index,
    );
  }

  /** A VM's monitor greets one client until that one's process ends. */
  private isGreeted(key: string): boolean {
    if (this.role !== 'qemu') return true;
    const holder = this.holderOf(key);
    return holder === undefined || holder === this.name || this.around.isDead(holder);
  }

  private holderOf(key: string): string | undefined {
    return this.around.monitors.get(String(parseDiskKey(key).vm));
  }

  /** A blocklisted client is refused, and learns it; of one that is gone a monitor reads nothing once it greets another. */
  private isLetIn(key: string): boolean {
    const { ground } = this.around;
    if (this.role === 'ceph') {
      const isCutOff = ground.blocklist.has(this.address);
      if (isCutOff) this.end();
      return !isCutOff;
    }
    if (this.isDead && this.holderOf(key) !== this.name) return false;
    this.around.monitors.set(String(parseDiskKey(key).vm), this.name);
    return true;
  }
}

const NOTHING = numbered('');

function numberedStand(at: Stand): Numbered {
  return numberedObject(
    at,
    () => at.told,
    () => at.mirroredTold,
  );
}

/** Each is made once, and many runs have it in common. */
function numberedWaiting(waiting: Waiting): Numbered {
  const { asked, turn, answer } = waiting;
  const rest = `${turn ?? ''} ${answer === null ? 'arrives' : 'is answered'}`;
  return numberedObject(
    waiting,
    () => `${asked.name} ${rest} ${answer === null ? '' : toldAnswer(answer)}`,
    () => `${asked.mirroredName} ${rest} ${answer === null ? '' : mirrored(toldAnswer(answer))}`,
  );
}

const NEVER = new AbortController();

function standing({ sources: { images, nodes, devices, trash } }: Ground): string {
  return JSON.stringify([...images, '', ...trash, '', ...nodes, '', ...devices]);
}
