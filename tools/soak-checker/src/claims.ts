/**
 * R1, R2, R3: which request each recorded action comes from. What was acknowledged must be there, once; what nobody could
 * say may be there, at most once; what was refused has changed nothing; and nothing is there that nobody asked for.
 */
import type { Finding } from './finding.js';
import type { ActionEntry } from './registry-shapes.js';
import type { Change } from './request-kinds.js';

export interface Claims {
  readonly findings: readonly Finding[];
  /** The requests that an action comes from: several of one idempotency key. */
  readonly of: ReadonlyMap<ActionEntry, readonly Change[]>;
}

export function claim(changes: readonly Change[], actions: readonly ActionEntry[]): Claims {
  const claims = new Claiming(changes, actions);
  claims.acknowledged();
  claims.others();
  return { findings: claims.findings, of: claims.of };
}

const isCreate = ({ type }: { type: string }): boolean => type === 'create_volume';

/** Requests with one key are one request, whatever became of each. */
const oneOf = ({ account, request }: Change): string =>
  request.key === undefined ? `n${request.n}` : `k${account}/${request.key}`;

class Claiming {
  readonly findings: Finding[] = [];
  readonly of = new Map<ActionEntry, Change[]>();
  /** An account's action has a number of its own; two accounts may have the same. */
  private readonly byNumber = new Map<string, ActionEntry>();
  private readonly byVolume = new Map<string, ActionEntry[]>();
  private readonly used = new Map<string, ActionEntry>();

  constructor(
    private readonly changes: readonly Change[],
    private readonly actions: readonly ActionEntry[],
  ) {
    for (const action of actions) {
      this.byNumber.set(`${action.account}/${action.n}`, action);
      this.byVolume.set(action.resource, [...(this.byVolume.get(action.resource) ?? []), action]);
    }
  }

  acknowledged(): void {
    for (const change of this.changes.filter(({ outcome }) => outcome === 'acknowledged')) {
      const action = this.acknowledgedAs(change);
      if (action === undefined) this.lost(change);
      else this.take(change, action);
    }
  }

  /** An action that was not acknowledged to anybody comes from a request of which nobody knows, or from nobody. */
  others(): void {
    for (const action of this.actions) {
      if (this.of.has(action)) continue;
      const fits = this.changes.filter(
        (change) => !this.used.has(oneOf(change)) && this.fits(change, action),
      );
      // Who names the volume by its id can mean no other: those by name are kept for the others of that name.
      const unknown = fits
        .filter(({ outcome }) => outcome === 'unknown')
        .sort(
          (one, other) => Number(other.wish.volume !== undefined) - Number(one.wish.volume !== undefined),
        );
      const refusedAtTheEnd = fits.filter((change) => endsRefused(change, action));
      const [source] = [...unknown, ...refusedAtTheEnd];
      if (source !== undefined) this.take(source, action);
      else this.unasked(action, fits);
    }
  }

  private acknowledgedAs(change: Change): ActionEntry | undefined {
    const { account, action, request, wish } = change;
    if (action !== undefined) {
      const found = this.byNumber.get(`${account}/${action}`);
      return found !== undefined && found.type === wish.type ? found : undefined;
    }
    if (isCreate(wish)) return this.byVolume.get(change.volume ?? '')?.find(isCreate);
    // A delete that was waited for names no action: it is the completed one of that volume, which no other request has.
    // Several volumes may have had its name, one after the other: it is the one whose delete was recorded meanwhile.
    const done = (wish.volume === undefined ? this.actions : (this.byVolume.get(wish.volume) ?? []))
      .filter((one) => one.status === 'completed' && !this.of.has(one) && this.fits(change, one))
      .sort((one, another) => farFrom(request, one) - farFrom(request, another));
    return request.status === 204 ? done[0] : undefined;
  }

  private take(change: Change, action: ActionEntry): void {
    const key = oneOf(change);
    const before = this.of.get(action) ?? [];
    const other = before.find((one) => oneOf(one) !== key);
    if (other !== undefined)
      this.note('R1', `action ${action.n}, ${action.type}, was acknowledged to two requests`, action, [
        other,
        change,
      ]);
    const elsewhere = this.used.get(key);
    if (elsewhere !== undefined && elsewhere !== action)
      this.note('R3', `one request has made the actions ${elsewhere.n} and ${action.n}`, action, [change]);
    if (!this.fits(change, action))
      this.note('R3', `action ${action.n} is not what was asked: ${JSON.stringify(action.params)}`, action, [
        change,
      ]);
    this.used.set(key, action);
    // What else was sent under its key asked for it too, and perhaps earlier.
    const asked = this.changes.filter((one) => oneOf(one) === key);
    this.of.set(action, [...new Set([...before, ...asked])]);
  }

  private fits({ account, wish }: Change, action: ActionEntry): boolean {
    const { params, resource, type } = action;
    if (action.account !== account || type !== wish.type) return false;
    if (wish.volume !== undefined && wish.volume !== resource) return false;
    const made = isCreate(action) ? action : this.byVolume.get(resource)?.find(isCreate);
    if (wish.name !== undefined && made?.params['name'] !== wish.name) return false;
    if (wish.region !== undefined && wish.name !== undefined && made?.params['region'] !== wish.region)
      return false;
    if ((isCreate(action) || type === 'resize_volume') && params['sizeGib'] !== wish.size) return false;
    return params['vm'] === undefined || params['vm'] === wish.vm;
  }

  private lost(change: Change): void {
    const { request, wish } = change;
    const what = `${wish.type} was acknowledged with ${request.status}, and no such action is in the registry`;
    const volume = change.volume ?? wish.volume;
    this.findings.push({
      rule: 'R1',
      what,
      requests: [request.n],
      ...(volume === undefined ? {} : { volume }),
    });
  }

  private unasked(action: ActionEntry, refused: readonly Change[]): void {
    const what = `action ${action.n}, ${action.type}, ${action.status}`;
    if (refused.length > 0)
      this.note('R2', `${what}, comes from a request that was refused`, action, refused);
    else
      this.note(
        'R1',
        `${what}, comes from no request, or from one that has made another already`,
        action,
        [],
      );
  }

  private note(rule: string, what: string, { resource }: ActionEntry, from: readonly Change[]): void {
    this.findings.push({ rule, what, volume: resource, requests: from.map(({ request }) => request.n) });
  }
}

/** Milliseconds between a request and the recording of an action; the clocks are two. */
function farFrom({ from, to }: Change['request'], { startedAt }: ActionEntry): number {
  return Math.max(from - startedAt, startedAt - to, 0);
}

/** Who waits for the end may learn then that it cannot be: an action is left that has changed nothing. */
function endsRefused({ outcome, request, wish }: Change, { status }: ActionEntry): boolean {
  const waits = wish.type === 'create_volume' || wish.type === 'delete_volume';
  return outcome === 'refused' && request.end === 'answered' && status === 'errored' && waits;
}
