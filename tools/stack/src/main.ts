import { readFileSync } from 'node:fs';
import { ApiClient } from './api.js';
import { readArguments, type Arguments } from './args.js';
import { down, knownStack } from './down.js';
import { environmentOf, shellAssignments } from './env.js';
import { StackError } from './errors.js';
import { makeInventory } from './inventory.js';
import { logs } from './logs.js';
import { obtain, runPart } from './part.js';
import { progressTo } from './progress.js';
import { readWish, scale } from './scale.js';
import { screenTo } from './scrub/screen.js';
import { scrub } from './scrub/scrub.js';
import { loadState } from './state.js';
import { status } from './status.js';
import { up } from './up.js';

const afterFailure =
  'What has started goes on running: ./tools/up again starts what is missing, ./tools/status shows it, ./tools/down ends it.\n';

const progress = progressTo((text) => process.stdout.write(text));

/** The options that later commands need to find the same stack again. */
function flagsOf({ data, dataIsDefault, ephemeral }: Arguments): string {
  if (!dataIsDefault) return ` --data ${data}`;
  return ephemeral ? ' --ephemeral' : '';
}

async function main(): Promise<number> {
  const args = readArguments(process.argv.slice(2), process.env['PLUMBLINE_DATA'], process.cwd());
  const { command, data, ephemeral } = args;
  if (command === 'up') {
    const options = { data, ephemeral, apps: !args.parts, demo: args.demo, flags: flagsOf(args) };
    return (await up(options, progress)) ? 0 : 1;
  } else if (command === 'down') {
    await down({ data, purge: args.purge }, progress);
  } else if (command === 'status') {
    const stack = loadState(data) && knownStack(data, progress);
    return (await status(stack, args.json, progress)) ? 0 : 1;
  } else if (command === 'logs') {
    await logs(knownStack(data, progress), args.words[0], args.follow);
  } else if (command === 'scale') {
    const stack = knownStack(data, progress);
    const wishes = args.words.map(readWish);
    if (wishes.length === 0)
      throw new StackError('say which app and how many, as in tools/scale ceph-worker=3');
    for (const wish of wishes) await scale(stack, wish);
    progress.line(
      `Now: ${wishes.map(({ service, count }) => `${service.app} ${count}`).join(', ')}. See ./tools/status${flagsOf(args)}`,
    );
  } else if (command === 'scrub') {
    return (await scrubWith(args)) ? 0 : 1;
  } else if (command === 'part') {
    return (await runPart(args.words[0], args, progress)) ? 0 : 1;
  } else if (command === 'obtain') {
    progress.line(await obtain(args.words[0]));
  } else if (command === 'inventory') {
    process.stdout.write(shellAssignments(await inventoryOf(args)));
  } else {
    process.stdout.write(shellAssignments(environmentOf(knownStack(data, progress))));
  }
  return 0;
}

/** Ctrl-C ends the waiting, and what is shown last is true then. */
async function scrubWith(args: Arguments): Promise<boolean> {
  const ending = new AbortController();
  process.once('SIGINT', () => ending.abort(new StackError('ended before it was done')));
  const { json, once, repair, volume, watch } = args;
  const by = process.env['USER'] ?? 'tools/scrub';
  const screen = screenTo(process.stdout);
  return await scrub(operatorsClient(args), { json, once, repair, volume, watch, by }, screen, {
    signal: ending.signal,
  });
}

/** For a system that is no stack of ours the token is in the environment, as `tools/env` names it. */
function operatorsClient({ api, data }: Arguments): ApiClient {
  const environment = api === undefined ? environmentOf(knownStack(data, progress)) : process.env;
  const base = api ?? environment['PLUMBLINE_OPS_URL'];
  const token = environment['PLUMBLINE_OPS_TOKEN'];
  if (base === undefined || token === undefined)
    throw new StackError(
      api === undefined
        ? 'this stack runs without the apps; ./tools/up starts them'
        : 'the operators’ token is wanted in PLUMBLINE_OPS_TOKEN',
    );
  return new ApiClient(base, token);
}

/** For a system whose processes this command did not start. The token goes to whoever asks, and into no file. */
async function inventoryOf({ api, sockets }: Arguments): Promise<Record<string, string>> {
  const opsTokenFile = process.env['PLUMBLINE_OPS_TOKEN_FILE'];
  if (!api || !sockets || !opsTokenFile)
    throw new StackError(
      'give --api URL, --sockets DIR, and the file of the token in PLUMBLINE_OPS_TOKEN_FILE',
    );
  const opsToken = readFileSync(opsTokenFile, 'utf8').trim();
  const { token, vms } = await makeInventory({ base: api, opsToken, token: undefined, sockets });
  return { PLUMBLINE_TOKEN: token, PLUMBLINE_VM: `${vms['vm-1']}`, PLUMBLINE_VM_2: `${vms['vm-2']}` };
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof StackError)) throw error;
  process.stderr.write(`\n${error.message}\n`);
  if (process.argv[2] === 'up') process.stderr.write(afterFailure);
  process.exitCode = 1;
}
