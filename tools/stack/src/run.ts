import { spawn } from 'node:child_process';
import { StackError } from './errors.js';

const outputMaxBytes = 16 * 1024 * 1024;

export interface RunOptions {
  input?: string;
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  uid?: number | undefined;
  gid?: number | undefined;
  timeoutMs?: number;
}

/**
 * Runs a program to its end and returns what it printed. Secrets go in by `input` or `env`, because every user of
 * the machine can read a process's arguments.
 */
export async function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const { input, timeoutMs = 60_000, env, cwd = '/', uid, gid } = options;
  const child = spawn(command, args, {
    cwd,
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
    ...(env ? { env } : {}),
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
  });
  const out = collect(child.stdout);
  const err = collect(child.stderr);
  // A program that ends without reading its input breaks the pipe; its exit status tells the story.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input ?? '');
  const { code, signal } = await new Promise<{ code: number | null; signal: string | null }>((done, fail) => {
    child.once('error', (error) => fail(new StackError(`cannot run ${command}: ${error.message}`)));
    child.once('close', (code, signal) => done({ code, signal }));
  });
  if (code === 0) return out();
  const how = signal === 'SIGKILL' ? `did not end within ${timeoutMs} ms` : `ended with ${code ?? signal}`;
  throw new StackError(`${command} ${args[0] ?? ''} ${how}: ${lastLines(err() || out())}`);
}

function collect(stream: NodeJS.ReadableStream): () => string {
  const parts: Buffer[] = [];
  let bytes = 0;
  stream.on('data', (part: Buffer) => {
    bytes += part.length;
    if (bytes <= outputMaxBytes) parts.push(part);
  });
  return () => Buffer.concat(parts).toString('utf8');
}

export function lastLines(text: string, count = 8): string {
  return text.trimEnd().split('\n').slice(-count).join('\n');
}
