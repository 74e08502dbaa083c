import { RetryBudget, queueOf } from '@plumbline/domain';
import type { Backend, Change, FacetName, Place, ResourceName } from '@plumbline/domain';
import { advance } from '@plumbline/engine';
import type { Bell, EngineContext, WorkerContext } from '@plumbline/engine';
import { BootsView, Takeover, createJournal } from '@plumbline/registry';
import { parseDiskKey } from '@plumbline/qemu-facets';
import { createFakeRegistry } from '../kv/fake-registry.js';
import type { FakeRegistry } from '../kv/fake-registry.js';
import type { FakeRequest } from '../kv/fake-consul.js';
import { ACCOUNT, HOST } from './ground.js';
import type { Doer, Ground } from './ground.js';
import { never } from './network.js';
import type { Network, Party } from './network.js';
import { answerTo, digest, isLook, nameOf, passes } from './requests.js';

/** An instant like any other: nothing may depend on which. It is the registry's, and so the same for all. */
const NOW = 1_800_000_000_000;
const POLICY = { deadlineMs: 10_000, triesMax: 14, backoffBaseMs: 200, backoffCapMs: 8_000 };
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
/** What all workers of one play have in common. */
export interface Surroundings {
  readonly ground: Ground;
  /** Who has a VM's monitor: one client at a time, until its process ends. */
  readonly monitors: Map<string, Worker>;
  readonly network: Network;
  ring(queue: string, resource: ResourceName, delayMs: number): void;
  /** Who was struck is not among the boots any more. */
  isOneGone(): boolean;
  /** True when what this worker learns of the others may change between a request's landing and its answer. */
  mayActOnOldNews(worker: Worker): boolean;
}

/**
 * A worker's process as production puts it together, with every request under the network's control. What it has met is
 * kept as a hash: a process is a function of that. Each look at a lane begins anew, and so does, from what it has written,
 * whoever has written a turn: nothing else of what was met before counts any more. At rest nothing of it counts. (That
 * states which count as equal for it have the same futures is tried while they are walked.)
 */
export class Worker implements Party, Doer {
  isDead = false;
  isRung = false;
  isAtWork = false;
  isTakingOver = false;
  private isBeating = false;
  /** What it asks first arrives at once: whenever else it could, it could as well have begun. */
  private isBeginning = false;
  /** All that it can learn of the others, and that matters. */
  private knowsOneGone = false;
  private met = '';
  private open = 0;
  private ids = 0;
  private registry!: FakeRegistry;
  private view!: BootsView;
  private hands!: WorkerContext;

  private constructor(
    private readonly around: Surroundings,
    readonly role: 'ceph' | 'qemu' | 'observer',
    readonly name: string,
  ) {}

  static async begin(around: Surroundings, role: Worker['role'], name: string): Promise<Worker> {
    const worker = new Worker(around, role, name);
    worker.registry = await createFakeRegistry({
      consul: around.ground.consul,
      timing: promptTiming,
      limits: { lingerMs: 0 },
      boot: { name, app: role, host: role === 'qemu' ? HOST : null },
      newId: () => worker.newId(),
      now: () => NOW,
      manners: {
        fate: (request) => worker.sent(request),
        answering: (request) => worker.answered(request),
      },
      onFenced: () => worker.end(),
    });
    worker.view = new BootsView({ ...worker.registry, own: worker.registry.boots, timing: promptTiming });
    worker.hands = worker.handsOf();
    return worker;
  }

  /** Before anything is at stake. */
  async noteAddress(): Promise<void> {
    if (this.role === 'ceph') await this.registry.boots.noteAddress(this.address);
  }

  get boot() {
    return this.registry.boots.boot;
  }

  get address(): string {
    return `10.0.0.1:0/${this.name}`;
  }

  get queue(): string {
    return this.hands.queue;
  }

  end(): void {
    this.isDead = true;
  }

  note(what: string): void {
    this.met = digest(`${this.met} ${what}`);
  }

  /** To be called after every event: at rest nothing is left of what it has looked at. */
  forget(): void {
    if (!this.isAtWork && !this.isTakingOver && !this.isBeating && this.open === 0) this.met = '';
  }

  /** What its future depends on, beside what is under way. */
  state(): string {
    if (this.isDead) return `${this.name} is dead`;
    const flags = [this.isRung, this.isAtWork, this.isTakingOver, this.isBeating];
    return `${this.name} ${flags.map(Number).join('')} ${Number(this.knowsOneGone)} ${this.met}`;
  }

  async work(resource: ResourceName): Promise<void> {
    const { ground } = this.around;
    this.isRung = false;
    this.isAtWork = true;
    this.isBeginning = true;
    try {
      await advance(this.hands, resource, ACCOUNT.id);
    } catch (error) {
      ground.mistakes.push(`R1: a job failed: ${String(error)}`);
    }
    this.isAtWork = false;
  }

  /** @returns whether its boot's key says that it may not live */
  get isFencedOff(): boolean {
    return !this.around.ground.isAlive(this);
  }

  get mayBeat(): boolean {
    return !this.isDead && !this.isAtWork && !this.isBeating && this.isFencedOff;
  }

  async beat(): Promise<void> {
    this.isBeating = true;
    this.isBeginning = true;
    await this.registry.boots.beat();
    this.isBeating = false;
  }

  /** A boot has gone since it looked. */
  mayLook(): boolean {
    return !this.isDead && !this.knowsOneGone && this.around.isOneGone();
  }

  async look(): Promise<void> {
    this.knowsOneGone = this.around.isOneGone();
    this.isBeginning = true;
    await this.view.look();
  }

  async takeOver(victim: Worker): Promise<void> {
    this.isTakingOver = true;
    this.isBeginning = true;
    const { network, ground } = this.around;
    const fence = async (address: string): Promise<void> => {
      await network.wait(this, `blocklist ${address}`, 'arrives');
      ground.blocklist.add(address);
    };
    const takeover = new Takeover({
      ...this.registry,
      own: this.registry.boots,
      fence: { address: this.address, fence },
      sure: () => Promise.resolve(true),
      onGone: () => undefined,
      onFailed: () => undefined,
    });
    const beat = ground.consul.store.get(ground.layout.beat(victim.boot))?.value ?? '';
    try {
      await takeover.takeOver({ boot: victim.boot, beat: victim.isFencedOff ? null : beat });
    } catch {
      // As in production: it is tried again at a later look.
    }
    this.isTakingOver = false;
  }

  /** @param atMs since the beginning of the play, at which nothing else but admissions happens */
  context(atMs = 0): EngineContext {
    const { registry } = this;
    const nonce = (): string => this.nonce();
    const uuid = (): string => this.newId();
    const bell: Bell = {
      ring: (queue, resource, { delayMs = 0 } = {}) => {
        if (!this.isDead) this.around.ring(queue, resource, delayMs);
        return Promise.resolve(true);
      },
      wake: () => undefined,
      drain: () => undefined,
    };
    return {
      journal: createJournal({ kv: registry.kv, layout: registry.layout, nonce }),
      rules: this.around.ground.rules,
      bell,
      clock: { now: () => NOW + atMs, trusted: () => true, deadline: noDeadline },
      log: quiet,
      uuid,
      nonce,
      random: () => 0.5,
    };
  }

  private handsOf(): WorkerContext {
    const source = this.role === 'qemu' ? 'qemu' : 'ceph';
    const { ground } = this.around;
    const memory = ground.sources.backendsOf(source);
    return {
      ...this.context(),
      boots: {
        self: this.boot,
        isGone: (boot) => this.view.isGone(boot),
        isDoubtful: (boot) =>
          !this.view.all().some((known) => known.boot === boot && known.state === 'alive'),
        isHostAway: () => false,
        isHostGivenUp: () => false,
        end: () => this.end(),
      },
      queue: source === 'qemu' ? queueOf('qemu', HOST) : queueOf('ceph'),
      backends: new Map(
        [...memory].map(([name, backend]): [FacetName, Backend] => [name, this.linked(backend)]),
      ),
      policy: POLICY,
      catchUp: () => Promise.resolve(),
      fence: (address) => Promise.resolve(ground.sources.fence(address)),
      outages: { waitMs: () => 0, isAway: () => false, report: () => undefined },
      halted: () => false,
      sure: () => Promise.resolve(true),
      revFloor: () => 0,
      retries: new RetryBudget(),
      stopping: () => this.isDead,
      busy: new Looks(() => {
        this.met = '';
      }),
    };
  }

  /** The source in memory, behind a request and an answer. */
  private linked(backend: Backend): Backend {
    const { facet } = backend;
    const changing = (what: 'apply' | 'undo') => (place: Place, change: Change, signal: AbortSignal) =>
      this.call(place, `${what} ${facet.name} ${JSON.stringify(change)}`, () =>
        backend[what](place, change, signal),
      );
    return {
      facet,
      list: (signal) => backend.list(signal),
      observe: (place, signal) =>
        this.call(place, `observe ${facet.name}`, () => backend.observe(place, signal)),
      apply: changing('apply'),
      undo: changing('undo'),
      idle: () => Promise.resolve(),
    };
  }

  private async call<T>({ key }: Place, what: string, run: () => Promise<T>): Promise<T> {
    const { ground, network } = this.around;
    const name = `${what} ${key}`;
    const turn = ground.turnOf(this);
    this.open += 1;
    await network.wait(this, name, 'arrives', {
      turn,
      canHappen: () => this.isGreeted(key),
      isInVain: () => this.role === 'ceph' && ground.blocklist.has(this.address),
    });
    if (!this.isLetIn(key)) return await never();
    const before = standing(ground);
    const result = run().then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    );
    ground.operated(this, { turn, key, changes: before !== standing(ground) });
    const end = await result;
    this.open -= 1;
    this.note(`${name} ${'error' in end ? String(end.error) : JSON.stringify(end.value)}`);
    if ('error' in end) throw end.error;
    return end.value;
  }

  /** A VM's monitor greets one client until that one's process ends. */
  private isGreeted(key: string): boolean {
    if (this.role !== 'qemu') return true;
    const holder = this.holderOf(key);
    return holder === undefined || holder === this || holder.isDead;
  }

  private holderOf(key: string): Worker | undefined {
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
    if (this.isDead && this.holderOf(key) !== this) return false;
    this.around.monitors.set(String(parseDiskKey(key).vm), this);
    return true;
  }

  private async sent(request: FakeRequest): Promise<'served'> {
    const { ground, network } = this.around;
    this.open += 1;
    if (!this.isBeginning)
      await network.wait(this, nameOf(ground, request), 'arrives', {
        isInVain: () => this.isRefused(request),
      });
    this.isBeginning = false;
    if (request.what === 'transact') this.writes(request);
    // What a look has seen is what it knows of the others, and that is told apart.
    else if (!isLook(request)) this.note(`${nameOf(ground, request)} ${answerTo(ground, request)}`);
    return 'served';
  }

  /** Its own guard refuses it, now and for ever: an index does not come back. */
  private isRefused(request: FakeRequest): boolean {
    if (request.what !== 'transact') return true;
    const { consul, layout } = this.around.ground;
    const key = layout.boot(this.boot);
    return request.ops.some(
      (op) => op.verb === 'check-index' && op.key === key && consul.store.get(key)?.index !== op.index,
    );
  }

  private async answered(request: FakeRequest): Promise<void> {
    if (passes(request) && this.around.mayActOnOldNews(this))
      await this.around.network.wait(this, nameOf(this.around.ground, request), 'is answered');
    this.open -= 1;
  }

  /** A write arrives. Of what went before one of a turn that lands nothing is left but what is written. */
  private writes(request: Extract<FakeRequest, { what: 'transact' }>): void {
    const { ground } = this.around;
    const { ops } = request;
    const { index } = ground.consul.store.snapshot();
    ground.writes.push({ by: this, ops, bootStood: ground.isAlive(this), index });
    const failed = ops.filter((op) => !ground.holds(op)).map(({ verb, key }) => `${verb} ${key}`);
    if (this.isAtWork && failed.length === 0) this.met = '';
    this.note(`${nameOf(ground, request)} ${failed.join()}`);
  }

  private newId(): string {
    this.ids += 1;
    return uuidOf(`${this.name} ${this.ids}`);
  }

  /** One for each turn at each intent: whichever takes it, no other will have it. */
  private nonce(): string {
    const head = this.around.ground.lane?.entries[0];
    return head === undefined ? this.newId() : uuidOf(`${this.name} ${head.intent} ${head.turns}`);
  }
}

/** A process' jobs by resource; says when one begins to look. */
class Looks extends Map<ResourceName, 'looking' | 'rung'> {
  constructor(private readonly begins: () => void) {
    super();
  }

  override set(resource: ResourceName, state: 'looking' | 'rung'): this {
    if (state === 'looking') this.begins();
    return super.set(resource, state);
  }
}

function uuidOf(text: string): string {
  const hex = digest(text);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

function standing({ sources: { images, nodes, devices, trash } }: Ground): string {
  return JSON.stringify([...images, '', ...trash, '', ...nodes, '', ...devices]);
}

function noDeadline() {
  return { signal: new AbortController().signal, clear: () => undefined };
}

/** Time stands still: whatever waits for it would wait for ever, and show. */
const promptTiming = {
  nowMs: () => 0,
  after: () => () => undefined,
  soon: (call: () => void) => queueMicrotask(call),
};
