import { readFileSync } from 'node:fs';

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/** Plumbline's version, as boots and status pages show it. */
export const VERSION = manifest.version;
