import type { Json, ResourceName } from '@plumbline/domain';
import { admit, queueOfLane } from '@plumbline/engine';
import { Checks, disagreement } from './checks.js';
import { factsOf } from './facts.js';
import { ACCOUNT, Ground } from './ground.js';
import type { Play } from './explore.js';
import { Network } from './network.js';
import type { Pending } from './network.js';
import { digest } from './requests.js';
import { Worker } from './worker.js';

/** One thing after the other that is asked for; the last is carried out under every schedule. */
export type Story = readonly { readonly kind: string; readonly params: Json }[];

/** Looks at one lane after which a story that nobody disturbs has ended. */
const LOOKS_MAX = 60;

export class NeverEnds extends Error {}

interface Choice {
  readonly what: string;
  readonly make: () => unknown;
}

/**
 * Two ceph-workers and a qemu-worker, all rung for one intent, and every order of what they send and are answered. Once, at
 * any moment of its work, one is killed, or held for dead though it lives: that is what a pause is to the others, and as
 * its own events may come at any time, its waking is one of them. Whoever is left takes it over, and goes on.
 */
export class SchedulePlay implements Play {
  private readonly ground = new Ground();
  private readonly network = new Network();
  private readonly monitors = new Map<string, Worker>();
  private readonly checks = new Checks(this.ground);
  private workers: Worker[] = [];
  private victim: Worker | null = null;
  private lastChoices: readonly Choice[] | null = null;

  private constructor(
    private readonly resource: ResourceName,
    private readonly expected: string | null,
  ) {}

  /** @param expected what stands when the story has ended undisturbed; null: not known yet */
  static async begin(story: Story, expected: string | null): Promise<SchedulePlay> {
    const play = new SchedulePlay(resourceOf(story), expected);
    play.network.isPrompt = true;
    for (const [role, name] of ROLES) play.workers.push(await Worker.begin(play.around(), role, name));
    for (const worker of play.workers) await worker.noteAddress();
    for (const worker of play.workers) await worker.look();
    for (const [at, { kind, params }] of story.entries()) {
      const context = play.workers[0]!.context(at);
      const definition = play.ground.rules.catalog.get(kind)!;
      const { action } = await admit(context, { definition, params, account: ACCOUNT, requestId: '' });
      play.ground.promised.set(action.intent, play.ground.layout.action(action.account, action.n));
      if (at < story.length - 1) await play.carryOutAtOnce();
      play.ground.beginAnew();
    }
    play.network.isPrompt = false;
    play.ground.versions.follow(play.ground.consul.store);
    for (const worker of play.workers) worker.forget();
    return play;
  }

  /** What the story comes to when nothing goes wrong. @throws Error when it does not end */
  static async undisturbed(story: Story): Promise<string> {
    const play = await SchedulePlay.begin(story, null);
    play.network.isPrompt = true;
    await play.carryOutAtOnce();
    return factsOf(play.ground);
  }

  /** All but who only observes. */
  private get hands(): readonly Worker[] {
    return this.workers.filter(({ role }) => role !== 'observer');
  }

  choices(): readonly string[] {
    return this.now().map(({ what }) => what);
  }

  async choose(at: number): Promise<void> {
    const choice = this.now()[at];
    if (choice === undefined) throw new RangeError(`no choice ${at}`);
    this.lastChoices = null;
    this.ground.writes = [];
    choice.make();
    await rest();
    this.ground.versions.follow(this.ground.consul.store);
    for (const worker of this.workers) worker.forget();
  }

  state(): string {
    const { sources, blocklist } = this.ground;
    const { images, trash, nodes, devices } = sources;
    const underWay = this.network.underWay.map(
      ({ party, what, stage, turn }) => `${party.name} ${what} ${stage} ${turn ?? ''}`,
    );
    return digest(
      JSON.stringify([
        this.ground.versions.state(),
        this.ground.turns,
        [[...images], [...trash], [...nodes], [...devices], [...blocklist]],
        [...this.monitors].map(([vm, holder]) => [vm, holder.name]),
        this.workers.map((worker) => worker.state()),
        underWay.sort(),
        this.victim?.name ?? null,
      ]),
    );
  }

  async wrong(): Promise<string | null> {
    const wrong = this.checks.wrong();
    if (wrong !== null || this.now().length > 0) return wrong;
    const end = await disagreement(this.ground);
    if (end !== null) return end;
    const facts = factsOf(this.ground);
    return facts === this.expected ? null : `C5: it ended as ${facts}, undisturbed as ${this.expected}`;
  }

  private around() {
    return {
      ground: this.ground,
      monitors: this.monitors,
      network: this.network,
      isOneGone: () => this.victim !== null && !this.isListed(this.victim),
      mayActOnOldNews: (worker: Worker) => this.isGoing(worker),
      ring: (queue: string, _resource: ResourceName, delayMs: number) => {
        // What is to be rung later is rung by the sweep.
        if (delayMs === 0) for (const worker of this.hands) worker.isRung ||= worker.queue === queue;
      },
    };
  }

  private now(): readonly Choice[] {
    this.lastChoices ??= [...this.events(), ...this.blows()];
    if (this.lastChoices.length === 0 && this.ground.lane?.entries[0]?.parked === null)
      this.lastChoices = [{ what: 'the sweep rings', make: () => this.sweep() }];
    return this.lastChoices;
  }

  private events(): readonly Choice[] {
    const { network, victim } = this;
    const alive = this.workers.filter(({ isDead }) => !isDead);
    const choices = network.ready.map((pending): Choice => ({
      what: `${pending.party.name}: ${pending.what} ${pending.stage}`,
      make: () => network.happen(pending),
    }));
    for (const pending of network.ready)
      if (this.mayArriveInPart(pending)) choices.push(this.inPart(pending));
    for (const worker of alive) {
      if (worker.isRung && !worker.isAtWork)
        choices.push({ what: `${worker.name} takes a job`, make: () => worker.work(this.resource) });
      if (worker.mayLook() && worker !== victim && (worker.isRung || worker.isAtWork))
        choices.push({ what: `${worker.name} looks at the boots`, make: () => worker.look() });
      if (worker.mayBeat) choices.push({ what: `${worker.name} beats`, make: () => worker.beat() });
    }
    const observer = alive.find(({ role }) => role === 'observer')!;
    if (victim !== null && !observer.isTakingOver && this.isListed(victim))
      choices.push({
        what: `${observer.name} takes over from ${victim.name}`,
        make: () => observer.takeOver(victim),
      });
    return choices;
  }

  /** The one blow of a schedule, at whoever is at work. The second ceph-worker is as the first. */
  private blows(): readonly Choice[] {
    if (this.victim !== null) return [];
    const atWork = this.workers.filter(({ isAtWork, name }) => isAtWork && name !== SECOND_CEPH);
    return atWork.flatMap((worker): readonly Choice[] => [
      { what: `${worker.name} is killed`, make: () => this.strike(worker, true) },
      { what: `${worker.name} is paused`, make: () => this.strike(worker, false) },
    ]);
  }

  private async strike(victim: Worker, isKilled: boolean): Promise<void> {
    this.victim = victim;
    if (isKilled) victim.end();
    if (victim.role !== 'qemu') return;
    this.network.isPrompt = true;
    const successor = await Worker.begin(this.around(), 'qemu', `${victim.name}-again`);
    await successor.look();
    this.network.isPrompt = false;
    this.workers.push(successor);
  }

  /** While the victim's boot is still there, what others think of it may change under their work. */
  private isGoing(worker: Worker): boolean {
    return this.victim !== null && worker !== this.victim && (this.isListed(this.victim) || worker.mayLook());
  }

  private isListed({ boot }: Worker): boolean {
    return this.ground.consul.store.get(this.ground.layout.boot(boot)) !== null;
  }

  /** A client that dies within the making of an image leaves it listed, and nothing that opens. */
  private mayArriveInPart({ party, what, stage }: Pending): boolean {
    if (!party.isDead || stage !== 'arrives' || !what.startsWith('apply ceph.image')) return false;
    const key = what.slice(what.lastIndexOf(' ') + 1);
    const { images, trash } = this.ground.sources;
    return !images.has(key) && !trash.has(key) && !this.ground.blocklist.has((party as Worker).address);
  }

  private inPart(pending: Pending): Choice {
    const key = pending.what.slice(pending.what.lastIndexOf(' ') + 1);
    const make = (): void => {
      this.network.drop(pending);
      this.ground.sources.images.set(key, { imageId: `half-${key}`, state: 'half-made', sizeBytes: 0 });
    };
    return { what: `${pending.party.name}: ${pending.what} arrives in part`, make };
  }

  private sweep(): void {
    const lane = this.ground.lane;
    if (lane !== null) this.around().ring(queueOfLane(lane, NO_HOSTS_AWAY), lane.resource, 0);
  }

  private async carryOutAtOnce(): Promise<void> {
    for (let looks = 0; looks < LOOKS_MAX && this.ground.lane !== null; looks += 1)
      for (const worker of this.hands) await worker.work(this.resource);
    if (this.ground.lane !== null) throw new NeverEnds('what nobody disturbs does not end');
    for (const worker of this.hands) worker.isRung = false;
    this.checks.wrong();
  }
}

const NO_HOSTS_AWAY = { isHostAway: () => false, isHostGivenUp: () => false };
const SECOND_CEPH = 'ceph-2';
const ROLES = [
  ['ceph', 'ceph-1'],
  ['ceph', SECOND_CEPH],
  ['qemu', 'qemu-1'],
  ['observer', 'scrubber'],
] as const;

function resourceOf(story: Story): ResourceName {
  const { volumeId } = story[0]!.params as { volumeId: string };
  return `volume/${volumeId}`;
}

/** Until all code that was set going waits for the network again. */
function rest(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
