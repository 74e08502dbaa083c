import type { Json } from '@plumbline/domain';
import { Refusal } from '@plumbline/domain';
import { intentCatalog } from '@plumbline/intents';
import { explore } from './explore.js';
import type { Exploration, Progress } from './explore.js';
import { NeverEnds, SchedulePlay } from './play.js';
import type { Given, Story } from './play.js';
import { Memory, Running } from './remembered.js';

const exampleOf = (kind: string): Story[number] => ({
  kind,
  params: intentCatalog.get(kind)?.example as Json,
});

const running: Given['bodyOf'] = (role, name) => new Running(role, name);

/** What a volume may have come to before: nothing, a volume, a volume in a VM, a volume that was deleted. */
const BEFORE: readonly (readonly string[])[] = [
  [],
  ['volume-create'],
  ['volume-create', 'volume-attach'],
  ['volume-create', 'volume-delete'],
];

/** Every kind of the catalogue from every state in which it is admitted: a new kind is among them the day it is written. */
export async function stories(): Promise<readonly string[]> {
  const told: string[] = [];
  for (const kind of intentCatalog.keys())
    for (const before of BEFORE) {
      const story = [...before, kind].map(exampleOf);
      if (await isAdmitted(story)) told.push(story.map((asked) => asked.kind).join(', then '));
    }
  return told;
}

async function isAdmitted(story: Story): Promise<boolean> {
  try {
    await SchedulePlay.begin({ story, expected: null, bodyOf: running });
    return true;
  } catch (error) {
    if (error instanceof Refusal) return false;
    throw error;
  }
}

/** All schedules of a story's last intent, by its name. */
export async function exploreStory(name: string, told?: (progress: Progress) => void): Promise<Exploration> {
  const story = name.split(', then ').map(exampleOf);
  try {
    const expected = await SchedulePlay.undisturbed(story);
    const memory = new Memory();
    const remembered: Given['bodyOf'] = (role, name) => memory.bodyOf(role, name);
    const found = await explore({
      begin: () => SchedulePlay.begin({ story, expected, bodyOf: remembered }),
      beginAnew: () => SchedulePlay.begin({ story, expected, bodyOf: running }),
      ...(told === undefined ? {} : { told }),
    });
    if (found.failure === null) await memory.tryEquals();
    return found;
  } catch (error) {
    if (!(error instanceof NeverEnds)) throw error;
    const failure = { what: `A1: ${error.message}`, path: [] };
    return { states: 0, events: 0, schedules: 0, endings: 0, failure };
  }
}
