import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { inProcess } from '../mutants/in-process.js';
import { sideBySide } from '../mutants/side-by-side.js';
import type { Exploration } from './explore.js';
import { stories } from './stories.js';

const STORY_MS_MAX = 60 * 60_000;
/** A play is garbage as soon as it has ended: a larger nursery makes collecting it cheaper. Of a state a little is kept. */
const NODE_ARGS = ['--max-semi-space-size=64', '--max-old-space-size=6144'];
const NAME_WIDTH = 58;
const NOTHING = { states: 0, events: 0, schedules: 0, endings: 0 };

const { values } = parseArgs({
  options: {
    exhaustive: { type: 'boolean' },
    only: { type: 'string', multiple: true, default: [] },
    json: { type: 'string' },
  },
});

async function explored(name: string): Promise<Exploration & { name: string }> {
  const startedMs = performance.now();
  const module = new URL('./story.js', import.meta.url);
  const told = (text: string): void => void process.stderr.write(text);
  const exploration = await inProcess({
    module,
    nodeArgs: NODE_ARGS,
    args: [name],
    msMax: STORY_MS_MAX,
    told,
  }).then(
    (text) => JSON.parse(text) as Exploration,
    (error: Error): Exploration => ({ ...NOTHING, failure: { what: error.message, path: [] } }),
  );
  const { schedules, states, events, failure } = exploration;
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  const sums = `${schedules.toPrecision(3)} schedules, ${states} states, ${events} events, ${seconds} s`;
  const lines =
    failure === null ? [] : [...failure.path.map((step) => `    ${step}`), `FAILED ${name}: ${failure.what}`];
  process.stdout.write([`${name.padEnd(NAME_WIDTH)} ${sums}`, ...lines, ''].join('\n'));
  return { ...exploration, name };
}

const all = await stories();
const wanted = values.only.length === 0 ? all : all.filter((name) => values.only.includes(name));
const ends = await sideBySide(wanted, explored);
const failed = ends.filter(({ failure }) => failure !== null);
const states = ends.reduce((sum, end) => sum + end.states, 0);
process.stdout.write(
  failed.length === 0
    ? `${ends.length} stories of every kind, ${states} states: every schedule ends as if nothing had happened\n`
    : `${failed.length} of ${ends.length} stories do not hold under every schedule; the choices that lead there are above\n`,
);
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(ends, null, 2)}\n`);
process.exitCode = ends.length > 0 && failed.length === 0 ? 0 : 1;
