/** Enumerates one story until something is wrong. Started by `trials.ts`, under an overlay. */
import { parseArgs } from 'node:util';
import { exploreStory } from '../exhaustive/stories.js';
import type { Trial } from './trials.js';

const { values } = parseArgs({ options: { story: { type: 'string' }, until: { type: 'string' } } });
const story = values.story ?? '';
const { states, failure } = await exploreStory(story);
const [invariant = '', ...detail] = (failure?.what ?? '').split(': ');
const sighting = failure && { at: story, invariant, detail: detail.join(': ') };
const isNamed = (values.until ?? '').split(',').includes(invariant);
const trial: Trial = {
  looked: `${states} states of ${story}`,
  caught: isNamed ? sighting : null,
  other: isNamed ? null : sighting,
};
process.stdout.write(JSON.stringify(trial));
