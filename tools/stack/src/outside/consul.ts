import { StackError } from '../errors.js';

const deadlineMs = 5_000;

async function ask(address: string, path: string): Promise<Response | undefined> {
  const answer = await fetch(`${address}/v1/kv/${path}`, { signal: AbortSignal.timeout(deadlineMs) });
  if (answer.status === 404) return undefined;
  if (!answer.ok)
    throw new StackError(`Consul answered ${answer.status} for ${path}: ${await answer.text()}`);
  return answer;
}

const encoded = (key: string) => key.split('/').map(encodeURIComponent).join('/');

/** The names of all keys under a prefix, as Consul's own HTTP lists them. */
export async function consulKeys(address: string, prefix: string): Promise<string[]> {
  const answer = await ask(address, `${encoded(prefix)}?keys&consistent`);
  return answer ? ((await answer.json()) as string[]) : [];
}

/** A key's value as JSON, or nothing when the key does not exist. */
export async function consulValue<T>(address: string, key: string): Promise<T | undefined> {
  const answer = await ask(address, `${encoded(key)}?raw&consistent`);
  return answer ? ((await answer.json()) as T) : undefined;
}
