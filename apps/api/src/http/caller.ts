import { createHash } from 'node:crypto';
import { Refusal } from '@plumbline/domain';
import type { AccountId, AccountRecord, TokenRecord } from '@plumbline/domain';

/** What is known of tokens and accounts. Calls of one tick share a round trip. */
export interface Credentials {
  tokenBySha256(sha256: string): Promise<TokenRecord | null>;
  account(id: AccountId): Promise<AccountRecord | null>;
}

export function unauthorized(): Refusal {
  return new Refusal('unauthorized', 'Unable to authenticate you.');
}

/**
 * Who sent a request. The account is not to be had without the token having been found valid by a read that was sent
 * after the request came; that read and the request's own go out together.
 */
export class Caller {
  constructor(
    private readonly id: AccountId,
    private readonly verified: Promise<void>,
    private readonly credentials: Credentials,
  ) {
    // Whoever asks is told; a request that is refused before anybody asks must not end the process.
    verified.catch(() => undefined);
  }

  /** For reads: `load` runs beside the check, and its result is given out only after it. */
  async read<T>(load: (account: AccountId) => Promise<T>): Promise<T> {
    const loaded = load(this.id);
    loaded.catch(() => undefined);
    await this.verified;
    return await loaded;
  }

  /** For writes: the account as it is now, once the token is known to be valid. */
  async account(): Promise<AccountRecord> {
    const account = await this.read((id) => this.credentials.account(id));
    if (account === null) throw unauthorized();
    return account;
  }
}

const BEARER = /^Bearer +(\S+) *$/i;
/** Tokens whose account is remembered. Beyond it all are forgotten: they are learnt again by one read each. */
const REMEMBERED_MAX = 10_000;

export class Callers {
  /** A token's account never changes; whether the token is still valid is read each time. */
  private readonly accounts = new Map<string, AccountId>();

  constructor(private readonly credentials: Credentials) {}

  /** @throws Refusal `unauthorized` */
  of(authorization: string | undefined): Caller | Promise<Caller> {
    const token = bearerOf(authorization);
    if (token === null) throw unauthorized();
    const sha256 = sha256Of(token);
    const found = this.credentials.tokenBySha256(sha256);
    const account = this.accounts.get(sha256);
    if (account === undefined) return this.learn(sha256, found);
    return new Caller(account, found.then(mustBeThere), this.credentials);
  }

  private async learn(sha256: string, found: Promise<TokenRecord | null>): Promise<Caller> {
    const record = await found;
    if (record === null) throw unauthorized();
    if (this.accounts.size >= REMEMBERED_MAX) this.accounts.clear();
    this.accounts.set(sha256, record.account);
    return new Caller(record.account, Promise.resolve(), this.credentials);
  }
}

function mustBeThere(record: TokenRecord | null): void {
  if (record === null) throw unauthorized();
}

export function bearerOf(authorization: string | undefined): string | null {
  return BEARER.exec(authorization ?? '')?.[1] ?? null;
}

/** Only this is kept and looked up: who reads the registry learns no token. */
export function sha256Of(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
