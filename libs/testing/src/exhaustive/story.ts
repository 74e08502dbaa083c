/** Enumerates one story, in a process of its own. Started by `main.ts`. */
import { exploreStory } from './stories.js';

process.stdout.write(JSON.stringify(await exploreStory(process.argv[2] ?? '')));
