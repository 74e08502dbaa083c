import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Stack } from './state.js';

export type SecretName =
  | 'ops-token'
  | 'api-token'
  | 'dashboard-password'
  | 'postgres-admin'
  | 'postgres-password'
  | 'postgres-reader'
  | 'database-url'
  | 'database-url-reader';

/** Secrets are files that only the stack's user can read; they are handed on by path, never by argument. */
export function secretFile({ layout }: Stack, name: SecretName): string {
  return join(layout.secrets, name);
}

export function readSecret(stack: Stack, name: SecretName): string | undefined {
  const file = secretFile(stack, name);
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined;
}

export function writeSecret(stack: Stack, name: SecretName, value: string): void {
  const file = secretFile(stack, name);
  writeFileSync(`${file}.new`, `${value}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

export function ensureSecret(stack: Stack, name: SecretName): string {
  const known = readSecret(stack, name);
  if (known) return known;
  const fresh = randomBytes(24).toString('base64url');
  writeSecret(stack, name, fresh);
  return fresh;
}
