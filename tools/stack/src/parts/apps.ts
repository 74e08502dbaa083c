import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { StackError } from '../errors.js';
import { cacheDir, projectRoot } from '../paths.js';
import { ensureProcess, isUp, type Started } from '../processes.js';
import { commonEnvironment, nodeArguments, type Service } from '../services.js';
import type { Stack } from '../state.js';
import { stopOne } from '../stop.js';

/** Touched by bootstrap.sh when a build begins, and there once it went well. */
const builtStamp = join(cacheDir, 'built-all');
const readyMs = 60_000;
const askMs = 2_000;

export function healthPortName(name: string): string {
  return `health ${name}`;
}

export async function startApp(stack: Stack, service: Service, name: string): Promise<Started> {
  const { ports } = stack.state;
  const entry = entryOf(service.app);
  await endOlderCode(stack, name);
  const health = ports[healthPortName(name)]!;
  const own = Object.entries(service.ports).map(
    ([variable, port]) => [variable, String(ports[port]!)] as const,
  );
  return ensureProcess(stack, {
    name,
    app: service.app,
    command: process.execPath,
    args: [...nodeArguments, entry],
    env: {
      ...commonEnvironment(stack, name, health),
      ...service.environment(stack),
      ...Object.fromEntries(own),
    },
    port: own[0] ? Number(own[0][1]) : health,
    version: versionOf(service.app),
    ready: () => isReady(health),
    readyMs,
  });
}

/** What runs from before the last build is ended, and then started anew. */
async function endOlderCode(stack: Stack, name: string): Promise<void> {
  const record = stack.state.processes[name];
  if (record === undefined || !isUp(stack, name) || !existsSync(builtStamp)) return;
  if (Date.parse(record.startedAt) < statSync(builtStamp).mtimeMs) await stopOne(stack, name);
}

function entryOf(app: string): string {
  const entry = join(projectRoot, 'apps', app, 'dist/main.js');
  if (existsSync(entry)) return entry;
  throw new StackError(
    `${app} is not built (apps/${app}/dist/main.js is missing): npm run build, or tools/up --parts`,
  );
}

function versionOf(app: string): string {
  const text = readFileSync(join(projectRoot, 'apps', app, 'package.json'), 'utf8');
  return (JSON.parse(text) as { version?: string }).version ?? '?';
}

/** `/readyz` names what is missing; its text becomes the reason when the wait ends in vain. */
export async function isReady(health: number): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${health}/readyz`, { signal: AbortSignal.timeout(askMs) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`/readyz says ${answer.status} ${text.slice(0, 500)}`);
  return true;
}
