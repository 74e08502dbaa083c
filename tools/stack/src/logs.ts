import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { finished } from 'node:stream/promises';
import { StackError } from './errors.js';
import { logFile } from './processes.js';
import type { Stack } from './state.js';

const linesShown = 200;

/** Shows the logs of one app or process, or of all: as they are, or made readable for a terminal. */
export async function logs(stack: Stack, wanted: string | undefined, follow: boolean): Promise<void> {
  const files = namesOf(stack, wanted).map((name) => logFile(stack, name));
  const args = ['-n', String(linesShown), ...(follow ? ['-F'] : []), ...files];
  if (!process.stdout.isTTY) {
    const tail = spawn('tail', args, { stdio: 'inherit' });
    await new Promise((done) => tail.once('close', done));
    return;
  }
  const { default: pretty } = await import('pino-pretty');
  const tail = spawn('tail', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  await finished(
    tail.stdout.pipe(pretty({ colorize: true, ignore: 'pid', translateTime: 'SYS:HH:MM:ss.l' })),
  );
}

function namesOf(stack: Stack, wanted: string | undefined): string[] {
  const all = existsSync(stack.layout.logs)
    ? readdirSync(stack.layout.logs).flatMap((file) =>
        file.endsWith('.log') ? [file.slice(0, -'.log'.length)] : [],
      )
    : [];
  const names = all.filter((name) => wanted === undefined || name === wanted || isOneOf(name, wanted)).sort();
  if (names.length > 0) return names;
  throw new StackError(`no log of ${wanted ?? 'anything'}; there are: ${all.sort().join(', ') || 'none'}`);
}

/** `ceph-worker` stands for `ceph-worker-1`, `-2` and so on. */
function isOneOf(name: string, app: string): boolean {
  return name.startsWith(`${app}-`) && /^\d+$/.test(name.slice(app.length + 1));
}
