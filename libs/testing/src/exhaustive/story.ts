/** Enumerates one story, in a process of its own. Started by `main.ts`. */
import { exploreStory } from './stories.js';

const EVERY_MS = 10_000;
const name = process.argv[2] ?? '';
let toldMs = performance.now();

const exploration = await exploreStory(name, ({ states, ways }) => {
  if (performance.now() - toldMs < EVERY_MS) return;
  toldMs = performance.now();
  process.stderr.write(`  ${name}: ${states} states, ${ways} ways left aside so far\n`);
});
process.stdout.write(JSON.stringify(exploration));
