import { randomBytes, randomUUID } from 'node:crypto';

/** A UUID v4, for whatever is named for ever: volumes, intents, boots. */
export function newUuid(): string {
  return randomUUID();
}

const NONCE_BYTES = 12;

/** Tells one turn, one commit or one rewrite of a key from every other. */
export function newNonce(): string {
  return randomBytes(NONCE_BYTES).toString('base64url');
}
