import { randomBytes } from 'node:crypto';
import { isUuid, notFound } from '@plumbline/domain';
import type { AccountId, AccountRecord, TokenRecord } from '@plumbline/domain';
import type { z } from 'zod';
import { sha256Of } from '../http/caller.js';
import type { Accounts, Tokens } from '@plumbline/registry';
import type { accountBody } from './bodies.js';

const SECRET_BYTES = 32;

interface AccountBookOptions {
  readonly accounts: Accounts;
  readonly tokens: Tokens;
  readonly newId: () => string;
  readonly now: () => number;
}

/** Accounts and their tokens, as operators keep them. */
export class AccountBook {
  constructor(private readonly by: AccountBookOptions) {}

  async accounts(): Promise<readonly AccountRecord[]> {
    return await this.by.accounts.list();
  }

  /** @throws Refusal `not_found` */
  async account(id: string): Promise<AccountRecord> {
    const account = isUuid(id) ? await this.by.accounts.find(id as AccountId) : null;
    if (account === null) throw notFound();
    return account;
  }

  /** A name that is there already means that account: asking twice makes no second one. */
  async open(asked: z.infer<typeof accountBody>): Promise<{ account: AccountRecord; made: boolean }> {
    const known = (await this.by.accounts.list()).find(({ name }) => name === asked.name);
    if (known !== undefined) return { account: known, made: false };
    const account = { ...asked, id: this.by.newId() as AccountId, createdAt: this.by.now() };
    await this.by.accounts.create(account);
    return { account, made: true };
  }

  /** @throws Refusal `not_found` */
  async tokensOf(id: string): Promise<readonly Omit<TokenRecord, 'account'>[]> {
    const account = await this.account(id);
    return (await this.by.tokens.listOf(account.id)).map(shown);
  }

  /** @throws Refusal `not_found` */
  async issue(id: string, name: string): Promise<{ token: Omit<TokenRecord, 'account'>; secret: string }> {
    const account = await this.account(id);
    const secret = `plb_v1_${randomBytes(SECRET_BYTES).toString('hex')}`;
    const token = { id: this.by.newId(), name, account: account.id, createdAt: this.by.now() };
    await this.by.tokens.create(sha256Of(secret), token);
    return { token: shown(token), secret };
  }

  /** False: there is no such token. */
  async revoke(id: string, token: string): Promise<boolean> {
    const account = await this.account(id);
    return await this.by.tokens.revoke(account.id, token);
  }
}

function shown({ id, name, createdAt }: TokenRecord): Omit<TokenRecord, 'account'> {
  return { id, name, createdAt };
}
