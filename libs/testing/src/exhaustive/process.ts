import { RetryBudget, queueOf } from '@plumbline/domain';
import type { Backend, Change, FacetName, Json, Lane, Place, ResourceName } from '@plumbline/domain';
import { admit, advance } from '@plumbline/engine';
import type { Bell, EngineContext, WorkerContext } from '@plumbline/engine';
import { BootsView, CONSUL_KV_LIMITS, Takeover, createJournal, openRegistry } from '@plumbline/registry';
import type { KvOp, KvTransport, OpenOptions, OpResult, Registry } from '@plumbline/registry';
import { MemorySources } from '../engine/memory-sources.js';
import type { Answer, Asked, Input, Output, Request, Stand } from './body.js';
import { toldAnswer } from './body.js';
import { ACCOUNT, HOST, LAYOUT, RULES } from './ground.js';
import { digest, mirrored, ownUuidOf, uuidOf } from './mirror.js';
import { isLook, namesOf } from './requests.js';

/** An instant like any other: nothing may depend on which. It is the registry's, and so the same for all. */
const NOW = 1_800_000_000_000;
const DEADLINE_MS = 5_000;
const POLICY = { deadlineMs: 10_000, triesMax: 14, backoffBaseMs: 200, backoffCapMs: 8_000 };
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };

export type Role = 'ceph' | 'qemu' | 'observer';

interface Waiting extends Asked {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * A worker's process as production puts it together. All that it asks for waits for an answer from outside; the same inputs
 * make it do the same. What it has met is kept as a hash: a process is a function of that. Each look at a lane begins anew,
 * and so does, from what it has written, whoever has written a turn: nothing else of what was met before counts any more. At
 * rest nothing of it counts. (That processes which count as equal for it have the same futures is tried while they are
 * walked.)
 */
export class Process {
  private isAtWork = false;
  private isTakingOver = false;
  private isBeating = false;
  /** What it asks now is asked beside its work. */
  private isAside = false;
  private hasEnded = false;
  private isWalked = false;
  /** All that it can learn of the others, and that matters. */
  private knowsGone: string | null = null;
  private met = '';
  private mirroredMet = '';
  private readonly asked = new Map<string, Waiting>();
  private aside: Waiting | null = null;
  private outputs: Output[] = [];
  /** Ours, which production's code must not take for the registry's. */
  private mistake: Error | null = null;
  private ids = 0;
  private inputs = 0;
  private lane: Lane | null = null;
  private registry!: Registry;
  private view!: BootsView;
  private hands!: WorkerContext;

  constructor(
    private readonly role: Role,
    private readonly name: string,
  ) {}

  get at(): Stand {
    const { isAtWork, isTakingOver, isBeating, knowsGone } = this;
    const asked = [...this.asked.values()]
      .map(askedOf)
      .sort((one, other) => (one.name < other.name ? -1 : 1));
    const aside = this.aside && askedOf(this.aside);
    const flags = [isAtWork, isTakingOver, isBeating, this.hasEnded].map(Number).join('');
    const setUp = this.isWalked ? '' : `${this.inputs}th of its beginnings `;
    const told = `${setUp}${flags} ${knowsGone ?? ''} ${this.met}`;
    const mirroredTold = `${setUp}${flags} ${mirrored(knowsGone ?? '')} ${this.mirroredMet}`;
    return { isAtWork, isTakingOver, knowsOneGone: knowsGone !== null, asked, aside, told, mirroredTold };
  }

  async feed(input: Input): Promise<readonly Output[]> {
    this.outputs = [];
    this.inputs += 1;
    this.begin(input);
    await rest();
    if (this.mistake !== null) throw this.mistake;
    if (!this.isAtWork && !this.isTakingOver && !this.isBeating && this.asked.size === 0 && !this.aside)
      this.meet('');
    return this.outputs;
  }

  private begin(input: Input): void {
    switch (input.do) {
      case 'begin':
        return void this.open();
      case 'note its address':
        return void this.registry.boots.noteAddress(addressOf(this.name));
      case 'admit':
        return void this.admit(input);
      case 'be walked':
        this.isWalked = true;
        return;
      case 'work':
        return void this.work(input.resource);
      case 'look':
        return void this.look(input.gone);
      case 'beat':
        return void this.beat();
      case 'take over':
        return void this.takeOver(input);
      case 'hear':
        return this.hear(input);
    }
  }

  private async open(): Promise<void> {
    const { name, role } = this;
    const transport: KvTransport = {
      transact: (ops) => this.ask({ of: 'registry', request: { what: 'transact', ops } }),
      readTrees: (prefixes) => this.ask({ of: 'registry', request: { what: 'read', prefixes } }),
      keys: (prefix) => this.ask({ of: 'registry', request: { what: 'keys', prefix } }),
      folders: (prefix) => this.ask({ of: 'registry', request: { what: 'folders', prefix } }),
      close: () => undefined,
    };
    this.registry = await openRegistry({
      transport,
      beatTransport: transport,
      timing: promptTiming,
      prefix: PREFIX,
      boot: { name, app: role, host: role === 'qemu' ? HOST : null, version: '0' },
      limits: { ...CONSUL_KV_LIMITS, lingerMs: 0 },
      deadlineMs: DEADLINE_MS,
      newId: () => ownUuidOf(`${name} ${(this.ids += 1)}`),
      wall: () => NOW,
      onFenced: () => this.end(),
      onClockAhead: () => undefined,
    } satisfies OpenOptions);
    this.view = new BootsView({ ...this.registry, own: this.registry.boots, timing: promptTiming });
    this.hands = this.handsOf();
  }

  private async admit({ kind, params, atMs }: Extract<Input, { do: 'admit' }>): Promise<void> {
    const definition = RULES.catalog.get(kind)!;
    const asked = { definition, params, account: ACCOUNT, requestId: '' };
    await admit(this.context(atMs), asked).then(
      ({ action: { account, intent, internal, n } }) => {
        const key = internal === true ? LAYOUT.internalAction(account, n) : LAYOUT.action(account, n);
        this.outputs.push({ did: 'admit', intent, key });
      },
      (error: unknown) => this.outputs.push({ did: 'refuse', error }),
    );
  }

  private async work(resource: ResourceName): Promise<void> {
    this.isAtWork = true;
    try {
      await advance(this.hands, resource, ACCOUNT.id);
    } catch (error) {
      this.outputs.push({ did: 'fail', why: `R1: a job failed: ${String(error)}` });
    }
    this.isAtWork = false;
  }

  private async look(gone: string | null): Promise<void> {
    this.knowsGone = gone;
    this.isAside = true;
    await this.view.look();
  }

  private async beat(): Promise<void> {
    this.isBeating = true;
    this.isAside = true;
    await this.registry.boots.beat();
    this.isBeating = false;
  }

  private async takeOver({ boot, beat }: Extract<Input, { do: 'take over' }>): Promise<void> {
    this.isTakingOver = true;
    const takeover = new Takeover({
      ...this.registry,
      own: this.registry.boots,
      fence: {
        address: addressOf(this.name),
        fence: (address) => this.ask({ of: 'fence', address }),
      },
      sure: () => Promise.resolve(true),
      onGone: () => undefined,
      onFailed: () => undefined,
    });
    try {
      await takeover.takeOver({ boot, beat });
    } catch {
      // As in production: it is tried again at a later look.
    }
    this.isTakingOver = false;
  }

  private end(): void {
    if (!this.hasEnded) this.outputs.push({ did: 'end' });
    this.hasEnded = true;
  }

  /** Who has ended asks for nothing any more. */
  private ask<T>(request: Request): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.hasEnded) return;
      const names = namesOf(request);
      const waiting: Waiting = { request, ...names, resolve: resolve as (value: unknown) => void, reject };
      const isTwice = this.isAside ? this.aside !== null : this.asked.has(names.name);
      if (isTwice) this.mistake = new TypeError(`${this.name} asks twice at a time for ${names.name}`);
      if (this.isAside) this.aside = waiting;
      else this.asked.set(names.name, waiting);
      this.isAside = false;
    });
  }

  private hear({ of, answer }: Extract<Input, { do: 'hear' }>): void {
    const waiting = of === null ? this.aside : this.asked.get(of);
    if (!waiting) throw new TypeError(`${this.name} hears what it did not ask for`);
    if (of === null) this.aside = null;
    else this.asked.delete(of);
    this.noteAnswer(waiting, answer);
    if ('error' in answer) waiting.reject(answer.error);
    else waiting.resolve(answer.value);
  }

  private noteAnswer(asked: Waiting, answer: Answer): void {
    const { request } = asked;
    if (request.of === 'fence') return;
    if (request.of === 'source') return this.note(asked, toldAnswer(answer));
    if (request.request.what === 'transact') return this.noteWrite(asked, request.request.ops, answer);
    // What a look has seen is what it knows of the others, and that is told apart.
    if (!isLook(request.request)) this.note(asked, toldAnswer(answer));
    if (request.request.what === 'read') this.readLane(request.request.prefixes, answer);
  }

  /** Of what went before a write of a turn that has landed nothing is left but what is written. */
  private noteWrite(asked: Asked, ops: readonly KvOp[], answer: Answer): void {
    const { results, failed = [] } = (answer as { value: Written }).value;
    if (this.isAtWork && results !== undefined) this.meet('');
    this.note(asked, failed.map((at) => `${ops[at]!.verb} ${ops[at]!.key}`).join());
    if (results === undefined) return;
    for (const op of ops)
      if (op.key.startsWith(LAYOUT.lanes)) this.lane = 'value' in op ? (JSON.parse(op.value) as Lane) : null;
  }

  private readLane(prefixes: readonly string[], answer: Answer): void {
    const at = prefixes.findIndex((prefix) => prefix.startsWith(LAYOUT.lanes));
    const entry = (answer as { value: readonly (readonly { value: string }[])[] }).value[at]?.[0];
    if (at >= 0) this.lane = entry === undefined ? null : (JSON.parse(entry.value) as Lane);
  }

  private note({ name, mirroredName }: Asked, answer: string): void {
    this.met = digest(`${this.met} ${name} ${answer}`);
    this.mirroredMet = digest(`${this.mirroredMet} ${mirroredName} ${mirrored(answer)}`);
  }

  private meet(nothing: ''): void {
    this.met = nothing;
    this.mirroredMet = nothing;
  }

  /** @param atMs since the beginning of the play, at which nothing else but admissions happens */
  private context(atMs = 0): EngineContext {
    const { registry } = this;
    const nonce = (): string => this.nonce();
    const bell: Bell = {
      ring: (queue, _resource, { delayMs = 0 } = {}) => {
        if (!this.hasEnded) this.outputs.push({ did: 'ring', queue, delayMs });
        return Promise.resolve(true);
      },
      wake: () => undefined,
      drain: () => undefined,
    };
    return {
      journal: createJournal({ kv: registry.kv, layout: registry.layout, nonce }),
      rules: RULES,
      bell,
      clock: { now: () => NOW + atMs, trusted: () => true, deadline: noDeadline },
      log: quiet,
      uuid: () => uuidOf(`asked of ${this.name} ${(this.ids += 1)}`),
      nonce,
      random: () => 0.5,
    };
  }

  private handsOf(): WorkerContext {
    const source = this.role === 'qemu' ? 'qemu' : 'ceph';
    return {
      ...this.context(),
      boots: {
        self: this.registry.boots.boot,
        isGone: (boot) => this.view.isGone(boot),
        isDoubtful: (boot) =>
          !this.view.all().some((known) => known.boot === boot && known.state === 'alive'),
        isHostAway: () => false,
        isHostGivenUp: () => false,
        end: () => this.end(),
      },
      queue: queueOfRole(this.role),
      backends: new Map(
        [...NO_SOURCES.backendsOf(source)].map(([name, { facet }]): [FacetName, Backend] => [
          name,
          this.linked(facet),
        ]),
      ),
      policy: POLICY,
      catchUp: () => Promise.resolve(),
      fence: (address) => {
        this.outputs.push({ did: 'fence', address });
        return Promise.resolve();
      },
      outages: { waitMs: () => 0, isAway: () => false, report: () => undefined },
      halted: () => false,
      sure: () => Promise.resolve(true),
      revFloor: () => 0,
      retries: new RetryBudget(),
      stopping: () => this.hasEnded,
      busy: new Looks(() => this.meet('')),
    };
  }

  /** A source behind a request and an answer. */
  private linked(facet: Backend['facet']): Backend {
    const call = <T>(what: 'observe' | 'apply' | 'undo', place: Place, change: Change | null): Promise<T> =>
      this.ask({ of: 'source', what, facet: facet.name, place, change });
    return {
      facet,
      async *list() {},
      observe: (place) => call<Json>('observe', place, null),
      apply: (place, change) => call('apply', place, change),
      undo: (place, change) => call('undo', place, change),
      idle: () => Promise.resolve(),
    };
  }

  /** One for each turn at each intent: whichever takes it, no other will have it. */
  private nonce(): string {
    const head = this.lane?.entries[0];
    const text = `${this.name} ${head?.intent ?? ''} ${head?.turns ?? 0}`;
    return this.isWalked ? ownUuidOf(text) : uuidOf(text);
  }
}

type Written = { readonly results?: readonly OpResult[]; readonly failed?: readonly number[] };

const PREFIX = 'plumbline/';
/** For what facets there are. */
const NO_SOURCES = new MemorySources();

export function queueOfRole(role: Role) {
  return role === 'qemu' ? queueOf('qemu', HOST) : queueOf('ceph');
}

export function addressOf(name: string): string {
  return `10.0.0.1:0/${name}`;
}

/** The first id that a process makes is its boot's. */
export function bootOf(name: string) {
  return ownUuidOf(`${name} 1`);
}

function askedOf({ request, name, mirroredName }: Waiting): Asked {
  return { request, name, mirroredName };
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

function noDeadline() {
  return { signal: new AbortController().signal, clear: () => undefined };
}

/** Until all code that was set going waits for an answer again. */
function rest(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

/** Time stands still: whatever waits for it would wait for ever, and show. */
const promptTiming = {
  nowMs: () => 0,
  after: () => () => undefined,
  soon: (call: () => void) => queueMicrotask(call),
};
