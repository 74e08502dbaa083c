import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { StackError } from '../errors.js';
import { cacheDir, projectRoot } from '../paths.js';
import { ensureProcess, isUp, launch, type ProcessSpec, type Started } from '../processes.js';
import { commonEnvironment, nodeArguments, type Service } from '../services.js';
import type { Stack } from '../state.js';
import { stopOne } from '../stop.js';

/** Touched by bootstrap.sh when a build begins, and there once it went well. */
const builtStamp = join(cacheDir, 'built-all');
const askMs = 2_000;

export function healthPortName(name: string): string {
  return `health ${name}`;
}

export async function startApp(stack: Stack, service: Service, name: string): Promise<Started> {
  await endOlderCode(stack, name);
  return ensureProcess(stack, specOf(stack, service, name));
}

/** Starts a process of an app that is not running, and waits for nothing: what it needs may be away. */
export function launchApp(stack: Stack, service: Service, name: string): void {
  if (!isUp(stack, name)) launch(stack, specOf(stack, service, name));
}

/**
 * A second process under the name of one that runs, at ports of its own: what an overlapping restart or an operator's
 * mistake makes. It is this stack's like any other, and ends with it.
 */
export function launchTwin(
  stack: Stack,
  service: Service,
  { name, as, ports }: { name: string; as: string; ports: readonly number[] },
): void {
  if (isUp(stack, as)) return;
  const { ready: _, ...spec } = specOf(stack, service, name);
  const own = Object.keys(service.ports).map((variable, n) => [variable, String(ports[n + 1]!)] as const);
  const env = { ...spec.env, PLUMBLINE_HEALTH_PORT: String(ports[0]!), ...Object.fromEntries(own) };
  launch(stack, { ...spec, name: as, env, port: ports[1] ?? ports[0]! });
}

function specOf(stack: Stack, service: Service, name: string): ProcessSpec {
  const { overrides = {}, ports } = stack.state;
  const entry = stack.state.entries?.[service.app] ?? entryOf(service.app);
  const health = ports[healthPortName(name)]!;
  const own = Object.entries(service.ports).map(
    ([variable, port]) => [variable, String(ports[port]!)] as const,
  );
  return {
    name,
    app: service.app,
    command: process.execPath,
    args: [...(service.nodeArguments ?? nodeArguments), entry],
    env: {
      ...commonEnvironment(stack, name, health),
      ...service.environment(stack),
      ...Object.fromEntries(own),
      ...overrides[name],
    },
    port: own[0] ? Number(own[0][1]) : health,
    version: versionOf(service.app),
    ready: () => isReady(health),
  };
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
