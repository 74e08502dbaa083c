/**
 * One word, one meaning: a second word for a thing that has a name makes two things of it in the reader's head. The list
 * holds only words that would be taken for one of ours, or that name no thing at all.
 */
import { isCode, isShell } from './tree.mjs';
import { modulesOf } from './modules.mjs';

/** Forbidden words, in lower case, and what to say instead. */
const WORDS = new Map([
  ['saga', 'an intent (what is wished) or a plan (its steps)'],
  ['workflow', 'a plan'],
  ['task', 'a step, or a job where BullMQ means it'],
  ['tasks', 'steps, or jobs where BullMQ means them'],
  ['lease', 'a claim'],
  ['reconciler', 'the scrubber'],
  ['reconcile', 'scrub, or repair'],
  ['helper', 'what it does'],
  ['helpers', 'what they do'],
  ['util', 'what it does'],
  ['utils', 'what they do'],
  ['misc', 'what it holds'],
  ['manager', 'what it does'],
  ['impl', 'what sets it apart from others of its kind'],
]);

/** @param {string} name @returns {string[]} the words of a name in camel, kebab or snake case, in lower case */
const wordsOf = (name) =>
  (name.match(/[A-Z]+(?![a-z])|[A-Z]?[a-z]+/g) ?? []).map((word) => word.toLowerCase());

/** @param {string} name */
const forbiddenIn = (name) => wordsOf(name).find((word) => WORDS.has(word));

/** @type {import('./tree.mjs').Check} */
export function fileNames(tree) {
  const paths = [...tree.paths].filter((path) => isCode(path) || isShell(path) || path.endsWith('.md'));
  return paths.flatMap((path) => {
    const word = forbiddenIn(path);
    return word
      ? [
          {
            check: 'word',
            file: path,
            line: 1,
            reason: `"${word}" in the file's name: say ${WORDS.get(word)}`,
          },
        ]
      : [];
  });
}

/** @type {import('./tree.mjs').Check} */
export function declaredNames(tree) {
  return modulesOf(tree).flatMap((module) =>
    module.declared.flatMap(({ name, line, isInterface }) => {
      const word = forbiddenIn(name);
      if (word)
        return [
          { check: 'word', file: module.path, line, reason: `"${word}" in ${name}: say ${WORDS.get(word)}` },
        ];
      if (isInterface && /^I[A-Z][a-z]/.test(name)) {
        return [
          {
            check: 'word',
            file: module.path,
            line,
            reason: `${name}: an interface has the plain name of the thing`,
          },
        ];
      }
      return [];
    }),
  );
}
