import { cpSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { progressTo, StackError } from '@plumbline/stack';
import { readSettings, type Settings } from './args.js';
import { now } from './clock.js';
import { runDrift } from './drift/run.js';
import { HistoryFile } from './history-file.js';
import { faultKinds, type FaultKind } from './nemesis/kinds.js';
import { phases } from './reached.js';
import { soak, type Soaked } from './soak.js';
import { System } from './system.js';

const progress = progressTo((text) => process.stdout.write(text));
/** From this many minutes on each fault must have met each kind of work. */
const REACHED_MINUTES = 10;
const root = fileURLToPath(new URL('../../..', import.meta.url));
const checker = fileURLToPath(import.meta.resolve('@plumbline/soak-checker')).replace('index.js', 'main.js');

function kindsOf({ faults }: Settings): readonly FaultKind[] {
  if (faults.includes('all')) return faultKinds;
  if (faults.includes('none')) return [];
  return faults.map((name) => {
    const kind = faultKinds.find((each) => each.name === name);
    if (kind !== undefined) return kind;
    const names = faultKinds.map((each) => each.name).join(', ');
    throw new StackError(`no fault is called "${name}"; there are: ${names}`);
  });
}

async function carriedOut(
  settings: Settings,
  history: HistoryFile,
  interrupted: AbortSignal,
): Promise<Soaked> {
  const kinds = kindsOf(settings);
  // What starts is waited for, so that it can be ended.
  const system = await System.start(progress);
  try {
    history.write({
      line: 'run',
      format: 1,
      ...{ seed: settings.seed, minutes: settings.minutes, rate: settings.rate, at: now() },
      faults: kinds.map(({ name }) => name),
      accounts: system.accounts.map(({ id, name }) => ({ id, name })),
      vms: system.vms.map(({ n }) => ({ n, account: system.accounts[0]?.id ?? '' })),
      processes: [...system.apps],
    });
    return await soak({ settings, kinds, system, history, progress, interrupted });
  } finally {
    cpSync(system.stack.stack.layout.logs, join(history.folder, 'logs'), { recursive: true });
    await system.end({ keep: settings.keep });
    if (settings.keep)
      progress.line(
        `The system is kept: ./tools/status --data ${system.stack.stack.layout.data} (then ./tools/down --purge)`,
      );
  }
}

async function main(): Promise<number> {
  const settings = readSettings(process.argv.slice(2), process.cwd());
  const stamp = new Date().toISOString().replaceAll(':', '').slice(0, 15);
  const folder = (name: string) => join(root, '.plumbline/soak', `${stamp}-${name}-${settings.seed}`);
  const again = `./tools/soak --seed ${settings.seed} --minutes ${settings.minutes} --rate ${settings.rate} --faults ${settings.faults.join(',')}`;
  const interruption = new AbortController();
  const interrupted = new StackError('interrupted; everything that was started has been ended');
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => interruption.abort(interrupted));
  if (settings.drift !== null) {
    const { json, keep, seed } = settings;
    const by = { progress, folder: folder('drift'), interrupted: interruption.signal };
    return (await runDrift({ ...settings.drift, json, keep, seed }, by)) ? 0 : 1;
  }
  const history = new HistoryFile(folder('seed'));
  const soaked = await carriedOut(settings, history, interruption.signal).finally(() => history.close());
  const { broken, failedFaults, faults, reached, requests, rounds } = soaked;
  const { kinds } = reached;
  for (const line of reached.table()) progress.line(line);
  for (const line of failedFaults) progress.line(`not carried out: ${line}`);
  const checked = spawnSync(process.execPath, [checker, history.file], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  progress.line(`${checked.stdout}${checked.stderr}`.trim());
  const mustReachAll = settings.minutes >= REACHED_MINUTES;
  const unreached = mustReachAll ? reached.allMissing : [];
  for (const { rule, volume, what } of broken) progress.line(`${rule} ${volume ?? ''} ${what}`);
  for (const each of unreached) progress.line(`never reached: ${each}`);
  if (settings.json !== undefined)
    writeFileSync(
      settings.json,
      `${JSON.stringify({ ...soaked, reached: reached.asObject(), history: history.file, unreached }, null, 2)}\n`,
    );
  const good = broken.length === 0 && checked.status === 0 && unreached.length === 0;
  if (!mustReachAll && kinds.length > 0)
    progress.line(
      `Not all met: ${reached.allMissing.length} of ${kinds.length * phases.length} faults × works; from ${REACHED_MINUTES} minutes on none may be missing.`,
    );
  const slowest = Math.max(0, ...rounds.map(({ agreedMs }) => agreedMs)) / 1_000;
  const what = `${rounds.length} minutes, ${requests} requests, ${faults} faults, agreement within ${slowest.toFixed(1)} s`;
  progress.line(
    good
      ? `soak: no violation (${what}). History: ${history.file}. Again: ${again}`
      : `soak: VIOLATED (${what}). History: ${history.file}. Again: ${again}`,
  );
  return good ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`\n${error instanceof StackError ? error.message : String((error as Error).stack)}\n`);
  process.exit(1);
}
