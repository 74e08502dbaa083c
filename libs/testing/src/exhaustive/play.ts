import { cephImage } from '@plumbline/ceph-facets';
import type { Json, ResourceName } from '@plumbline/domain';
import { queueOfLane } from '@plumbline/engine';
import type { Body } from './body.js';
import { Checks, disagreement } from './checks.js';
import type { Play } from './explore.js';
import { DAMAGES } from './damages.js';
import { factsOf } from './facts.js';
import { Ground } from './ground.js';
import { FIRST_CEPH, SECOND_CEPH, byNumber, digest, mirrored, numbered } from './mirror.js';
import type { Role } from './process.js';
import { Running } from './remembered.js';
import { Worker } from './worker.js';
import type { Surroundings, Waiting } from './worker.js';

/** One thing after the other that is asked for; the last is carried out under every schedule. */
export type Story = readonly { readonly kind: string; readonly params: Json }[];

/** Looks at one lane after which a story that nobody disturbs has ended. */
const LOOKS_MAX = 60;

export class NeverEnds extends Error {}

interface Choice {
  readonly what: string;
  readonly mirroredWhat: string;
  readonly make: () => unknown;
}

/** What a play is of. */
export interface Given {
  readonly story: Story;
  /** What stands when the story has ended undisturbed; null: not known yet. */
  readonly expected: string | null;
  readonly bodyOf: (role: Role, name: string) => Body;
}

/**
 * Two ceph-workers and a qemu-worker, all rung for one intent, and every order of what they send and are answered. Once, at
 * any moment of its work, one is killed, or held for dead though it lives: that is what a pause is to the others, and as
 * its own events may come at any time, its waking is one of them. Whoever is left takes it over, and goes on.
 */
export class SchedulePlay implements Play {
  private workers: Worker[] = [];
  private victim: Worker | null = null;
  private isPrompt = true;
  private lastChoices: readonly Choice[] | null = null;
  private lastState: { readonly text: string; readonly isMirrored: boolean } | null = null;
  private readonly around: Surroundings;

  private constructor(
    private readonly given: Given,
    private readonly ground: Ground,
    private readonly monitors: Map<string, string>,
    private readonly checks: Checks,
  ) {
    this.around = this.surroundings();
  }

  static async begin(given: Given): Promise<SchedulePlay> {
    const ground = Ground.begin();
    const play = new SchedulePlay(given, ground, new Map(), new Checks(ground));
    const { story } = given;
    for (const [role, name] of ROLES) await play.add(role, name);
    for (const worker of play.workers) await worker.noteAddress();
    for (const worker of play.workers) await worker.look();
    for (const [atMs, { kind, params }] of story.entries()) {
      DAMAGES[kind]?.(ground.ownSources);
      await play.observer.admit({ kind, params, atMs });
      if (atMs < story.length - 1) await play.carryOutAtOnce();
      play.ground.beginAnew();
    }
    for (const worker of play.workers) await worker.beWalked();
    play.isPrompt = false;
    return play;
  }

  /** One that goes on by itself from here. */
  fork(): SchedulePlay {
    const ground = this.ground.copy();
    const fork = new SchedulePlay(this.given, ground, new Map(this.monitors), this.checks.copy(ground));
    fork.isPrompt = this.isPrompt;
    fork.workers = this.workers.map((worker) => worker.copy(fork.around));
    fork.victim = fork.workers.find(({ name }) => name === this.victim?.name) ?? null;
    return fork;
  }

  /** What the story comes to when nothing goes wrong. @throws Error when it does not end */
  static async undisturbed(story: Story): Promise<string> {
    const bodyOf: Given['bodyOf'] = (role, name) => new Running(role, name);
    const play = await SchedulePlay.begin({ story, expected: null, bodyOf });
    play.isPrompt = true;
    await play.carryOutAtOnce();
    return factsOf(play.ground);
  }

  /** Also admits: what a worker had admitted itself, it would know the counters of. */
  private get observer(): Worker {
    return this.workers.find(({ role }) => role === 'observer')!;
  }

  /** All but who only observes. */
  private get hands(): readonly Worker[] {
    return this.workers.filter(({ role }) => role !== 'observer');
  }

  /** As the state is told: where it is told mirrored, so are they. */
  choices(): readonly string[] {
    const { isMirrored } = this.told();
    return this.now().map(({ what, mirroredWhat }) => (isMirrored ? mirroredWhat : what));
  }

  inWords(): readonly string[] {
    return this.now().map(({ what }) => what);
  }

  async choose(at: number): Promise<void> {
    const choice = this.now()[at];
    if (choice === undefined) throw new RangeError(`no choice ${at}`);
    this.lastChoices = null;
    this.lastState = null;
    this.ground.writes = [];
    await choice.make();
    await this.lookInVain();
  }

  /**
   * Once the victim's boot is gone, and its turn too, nothing that anybody does depends any more on who knows of it: the boot
   * can write nothing, so no turn is in its name again, and whether it is gone is asked of the turn's holder alone. A look then
   * commutes with everything and is seen by nobody, so all look at once, in place of in every order with everything else. An
   * answer that is still under way and tells of the victim's turn is waited for: who hears it may take it for free or not.
   */
  private async lookInVain(): Promise<void> {
    const { victim } = this;
    if (victim === null || this.isListed(victim)) return;
    if (this.ground.lane?.entries[0]?.attempt?.boot === victim.boot) return;
    if (this.workers.some((worker) => worker.isYetToHearOf(victim.boot))) return;
    for (const worker of this.workers) if (worker !== victim && worker.mayLook()) await worker.look();
  }

  state(): string {
    return this.told().text;
  }

  /** Of a state and its mirror image, in which the two ceph-workers have changed places, one stands for both. */
  private told() {
    if (this.lastState !== null) return this.lastState;
    const told = [...this.ground.state(), ...this.workers.map((worker) => worker.state())];
    for (const [vm, holder] of this.monitors) told.push(numbered(`${holder} has ${vm}`));
    if (this.victim !== null) told.push(numbered(`${this.victim.name} is struck`));
    const as = told
      .map((part) => part.as)
      .sort(byNumber)
      .join();
    const other = told
      .map((part) => part.mirrored)
      .sort(byNumber)
      .join();
    const isMirrored = other < as;
    this.lastState = { text: digest(isMirrored ? other : as), isMirrored };
    return this.lastState;
  }

  async wrong(): Promise<string | null> {
    const wrong = this.checks.wrong();
    if (wrong !== null || this.now().length > 0) return wrong;
    const end = await disagreement(this.ground);
    if (end !== null) return end;
    const facts = factsOf(this.ground);
    return facts === this.given.expected
      ? null
      : `C5: it ended as ${facts}, undisturbed as ${this.given.expected}`;
  }

  private surroundings(): Surroundings {
    const isPrompt = (): boolean => this.isPrompt;
    return {
      ground: this.ground,
      monitors: this.monitors,
      get isPrompt() {
        return isPrompt();
      },
      isDead: (name) => this.workers.some((worker) => worker.name === name && worker.isDead),
      gone: () => (this.victim !== null && !this.isListed(this.victim) ? this.victim.name : null),
      mayActOnOldNews: (worker) => this.isGoing(worker),
      ring: (queue) => {
        for (const worker of this.hands) worker.isRung ||= worker.queue === queue;
      },
    };
  }

  private now(): readonly Choice[] {
    this.lastChoices ??= [...this.events(), ...this.blows()];
    if (this.lastChoices.length === 0 && this.ground.lane?.entries[0]?.parked === null)
      this.lastChoices = [saying('the sweep rings', () => this.sweep())];
    return this.lastChoices;
  }

  private events(): readonly Choice[] {
    const { victim, given } = this;
    const resource = resourceOf(given.story);
    const choices: Choice[] = [];
    for (const worker of this.workers)
      for (const waiting of worker.ready) {
        const { name, mirroredName } = waiting.asked;
        const ends = waiting.answer === null ? 'arrives' : 'is answered';
        choices.push({
          what: `${worker.name}: ${name} ${ends}`,
          mirroredWhat: `${mirrored(worker.name)}: ${mirroredName} ${ends}`,
          make: () => worker.happen(waiting),
        });
        const key = this.imageInPart(worker, waiting);
        const make = (): void => this.makeInPart(worker, waiting, key ?? '');
        if (key !== null) choices.push(saying(`${worker.name}: the image ${key} is made in part`, make));
      }
    const alive = this.workers.filter(({ isDead }) => !isDead);
    for (const worker of alive) {
      if (worker.isRung && !worker.isAtWork)
        choices.push(saying(`${worker.name} takes a job`, () => worker.work(resource)));
      if (worker.mayLook() && worker !== victim && (worker.isRung || worker.isAtWork))
        choices.push(saying(`${worker.name} looks at the boots`, () => worker.look()));
      if (worker.mayBeat) choices.push(saying(`${worker.name} beats`, () => worker.beat()));
    }
    const { observer } = this;
    if (victim !== null && !observer.isDead && !observer.isTakingOver && this.isListed(victim))
      choices.push(
        saying(`${observer.name} takes over from ${victim.name}`, () => observer.takeOver(victim)),
      );
    return choices;
  }

  /** The one blow of a schedule, at whoever is at work. */
  private blows(): readonly Choice[] {
    if (this.victim !== null) return [];
    return this.workers
      .filter(({ isAtWork }) => isAtWork)
      .flatMap((worker): readonly Choice[] => [
        saying(`${worker.name} is killed`, () => this.strike(worker, true)),
        saying(`${worker.name} is paused`, () => this.strike(worker, false)),
      ]);
  }

  private async strike(victim: Worker, isKilled: boolean): Promise<void> {
    this.victim = victim;
    if (isKilled) victim.end();
    if (victim.role !== 'qemu') return;
    this.isPrompt = true;
    const successor = await this.add('qemu', `${victim.name}-again`);
    await successor.look();
    await successor.beWalked();
    // How a boot begins is no write of this story's.
    this.ground.writes = [];
    this.isPrompt = false;
  }

  private async add(role: Role, name: string): Promise<Worker> {
    const worker = new Worker(this.around, role, name, this.given.bodyOf(role, name));
    this.workers.push(worker);
    await worker.begin();
    return worker;
  }

  /** While the victim's boot is still there, what others think of it may change under their work. */
  private isGoing(worker: Worker): boolean {
    return this.victim !== null && worker !== this.victim && (this.isListed(this.victim) || worker.mayLook());
  }

  private isListed({ boot }: Worker): boolean {
    return this.ground.store.get(this.ground.layout.boot(boot)) !== null;
  }

  /** A client that dies within the making of an image leaves it listed, and nothing that opens. */
  private imageInPart({ isDead, address }: Worker, { asked: { request } }: Waiting): string | null {
    if (!isDead || request.of !== 'source' || request.what !== 'apply') return null;
    if (request.facet !== cephImage.name) return null;
    const { key } = request.place;
    const { images, trash } = this.ground.sources;
    return images.has(key) || trash.has(key) || this.ground.blocklist.has(address) ? null : key;
  }

  private makeInPart(worker: Worker, waiting: Waiting, key: string): void {
    worker.drop(waiting);
    this.ground.ownSources.images.set(key, { imageId: `half-${key}`, state: 'half-made', sizeBytes: 0 });
  }

  private sweep(): void {
    const lane = this.ground.lane;
    if (lane !== null) this.around.ring(queueOfLane(lane, NO_HOSTS_AWAY));
  }

  private async carryOutAtOnce(): Promise<void> {
    for (let looks = 0; looks < LOOKS_MAX && this.ground.lane !== null; looks += 1)
      for (const worker of this.hands) await worker.work(resourceOf(this.given.story));
    if (this.ground.lane !== null) throw new NeverEnds('what nobody disturbs does not end');
    for (const worker of this.hands) worker.isRung = false;
    this.checks.wrong();
  }
}

const NO_HOSTS_AWAY = { isHostAway: () => false, isHostGivenUp: () => false };
const ROLES = [
  ['ceph', FIRST_CEPH],
  ['ceph', SECOND_CEPH],
  ['qemu', 'qemu-1'],
  ['observer', 'scrubber'],
] as const;

function resourceOf(story: Story): ResourceName {
  const { volumeId } = story[0]!.params as { volumeId: string };
  return `volume/${volumeId}`;
}

function saying(what: string, make: Choice['make']): Choice {
  return { what, mirroredWhat: mirrored(what), make };
}
