import { createHash } from 'node:crypto';
import { Refusal, StaleError } from '@plumbline/domain';
import type { AccountAsRead, AccountId, AccountRecord, Guard, TokenRecord } from '@plumbline/domain';
import type { Guarded } from '@plumbline/registry';

/** What is known of tokens and accounts. Calls of one tick share a round trip. */
export interface Credentials {
  token(sha256: string): Promise<Guarded<TokenRecord>>;
  account(id: AccountId): Promise<Guarded<AccountRecord>>;
}

export function unauthorized(): Refusal {
  return new Refusal('unauthorized', 'Unable to authenticate you.');
}

/** What a token opened when it was read last. */
interface Known {
  /** A token's account never changes. */
  readonly id: AccountId;
  account: AccountAsRead | null;
}

/**
 * Who sent a request. Nothing is given out and nothing recorded without the token having been found valid after the
 * request came: by a read that goes out together with the request's own, or by the very write that records it.
 */
export class Caller {
  constructor(
    private readonly sha256: string,
    private readonly known: Known,
    private readonly credentials: Credentials,
  ) {}

  /** For reads: `load` runs beside the check, and its result is given out only after it. */
  async read<T>(load: (account: AccountId) => Promise<T>): Promise<T> {
    // Also what `load` throws at once waits: a revoked token learns nothing else.
    const loaded = (async () => load(this.known.id))();
    loaded.catch(() => undefined);
    mustBeThere((await this.credentials.token(this.sha256)).value);
    return await loaded;
  }

  /** The account as it is now, once the token is known to be valid. */
  async account(): Promise<AccountAsRead> {
    const [token, account] = await Promise.all([
      this.credentials.token(this.sha256),
      this.credentials.account(this.known.id),
    ]);
    mustBeThere(token.value);
    this.known.account = { ...mustBeThere(account.value), guards: [token.guard, account.guard] };
    return this.known.account;
  }

  /**
   * For work that ends well only by recording an intent: the account as it was when it was read last, whose guards go with
   * the intent, so that nothing need be read before. Only who is refused has waited for the token to be looked at.
   * @param askFirst for work that may end well otherwise
   */
  async admit<T>(
    work: (account: AccountAsRead) => Promise<T>,
    { askFirst = false }: { askFirst?: boolean } = {},
  ): Promise<T> {
    let account = askFirst ? null : this.known.account;
    for (let tries = 0; tries < STALE_TRIES_MAX; tries += 1) {
      account ??= await this.account();
      try {
        return await work(account);
      } catch (error) {
        if (error instanceof Refusal && error.code === 'service_unavailable') throw error;
        const judgedBy = account.guards;
        account = await this.account();
        if (!(error instanceof StaleError) && sameGuards(judgedBy, account.guards)) throw error;
      }
    }
    throw new Refusal('service_unavailable', 'The account is changed at this moment; try again.', {
      reason: 'unavailable',
      retryAfterMs: 1000,
    });
  }
}

/** Also a refusal may have been by limits that are none any more. */
function sameGuards(one: readonly Guard[], other: readonly Guard[]): boolean {
  return one.every(({ key, index }, at) => other[at]?.key === key && other[at]?.index === index);
}

/** How often work is begun anew because account or token have changed meanwhile. */
const STALE_TRIES_MAX = 3;
const BEARER = /^Bearer +(\S+) *$/i;
/** Tokens that are remembered. Beyond it all are forgotten: they are learnt again by one read each. */
const REMEMBERED_MAX = 10_000;

export class Callers {
  private readonly known = new Map<string, Known>();

  constructor(private readonly credentials: Credentials) {}

  /** @throws Refusal `unauthorized` */
  of(authorization: string | undefined): Caller | Promise<Caller> {
    const token = bearerOf(authorization);
    if (token === null) throw unauthorized();
    const sha256 = sha256Of(token);
    const known = this.known.get(sha256);
    return known === undefined ? this.learn(sha256) : new Caller(sha256, known, this.credentials);
  }

  private async learn(sha256: string): Promise<Caller> {
    const { account: id } = mustBeThere((await this.credentials.token(sha256)).value);
    if (this.known.size >= REMEMBERED_MAX) this.known.clear();
    const known: Known = this.known.get(sha256) ?? { id, account: null };
    this.known.set(sha256, known);
    return new Caller(sha256, known, this.credentials);
  }
}

function mustBeThere<T>(record: T | null): T {
  if (record === null) throw unauthorized();
  return record;
}

export function bearerOf(authorization: string | undefined): string | null {
  return BEARER.exec(authorization ?? '')?.[1] ?? null;
}

/** Only this is kept and looked up: who reads the registry learns no token. */
export function sha256Of(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
