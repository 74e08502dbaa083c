import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';

/** The project's folder. `src` and `dist` lie equally deep, so this holds for both. */
export const projectRoot = resolve(import.meta.dirname, '../../..');

/** What is fetched once and serves every stack of this clone: Consul's binary, the guest's kernel. */
export const cacheDir = join(projectRoot, '.plumbline/cache');

export interface Layout {
  data: string;
  logs: string;
  secrets: string;
  run: string;
  state: string;
  lock: string;
}

export function layoutOf(data: string): Layout {
  return {
    data,
    logs: join(data, 'logs'),
    secrets: join(data, 'secrets'),
    run: join(data, 'run'),
    state: join(data, 'state.json'),
    lock: join(data, 'lock'),
  };
}

/** Throw-away stacks have a folder of their own, so that they can never be mistaken for kept data. */
export function defaultData(ephemeral: boolean): string {
  return join(projectRoot, '.plumbline', ephemeral ? 'ephemeral' : 'stack');
}

/** A number that differs between data folders and is the same at every start of one. */
export function numberOf(data: string): number {
  return createHash('sha256').update(data).digest().readUInt32BE(0);
}
