import { fileURLToPath } from 'node:url';
import { ESLint } from 'eslint';
import ts from 'typescript-eslint';

// The rules under test need no types; without them one text takes milliseconds and the files need not exist.
const eslint = new ESLint({
  cwd: fileURLToPath(new URL('../..', import.meta.url)),
  overrideConfig: [{ files: ['**/*.ts'], ...ts.configs.disableTypeChecked }],
});

const RULES_UNDER_TEST = /^(@nx\/enforce-module-boundaries|no-restricted-.*)$/;

/**
 * The messages of the rules on imports and ambient state for a text, as if it stood in that file.
 * @param {string} filePath
 * @param {string} text
 */
async function refusals(filePath, text) {
  const results = await eslint.lintText(text, { filePath });
  const messages = results.flatMap((result) => result.messages);
  const fatal = messages.find((message) => message.fatal);
  if (fatal) throw new Error(`not linted: ${fatal.message}`);
  return messages
    .filter((message) => RULES_UNDER_TEST.test(message.ruleId ?? ''))
    .map((message) => message.message);
}

/** @param {string} name */
const importing = (name) => `import { it } from '${name}';\nexport const kept = it;\n`;

describe('who may import whom', () => {
  it.each([
    ['domain', 'libs/domain/src/planted.ts', '@plumbline/registry', 'type:domain'],
    ['facets', 'libs/sources/ceph/facets/src/planted.ts', '@plumbline/intents', 'type:facets'],
    ['intents', 'libs/intents/src/planted.ts', '@plumbline/engine', 'type:intents'],
    ['engine', 'libs/engine/src/planted.ts', '@plumbline/queue', 'type:engine'],
    ['infrastructure', 'libs/registry/src/planted.ts', '@plumbline/platform', 'type:infrastructure'],
    ['an adapter', 'libs/sources/ceph/adapter/src/planted.ts', '@plumbline/registry', 'type:adapter'],
    ['an adapter', 'libs/sources/ceph/adapter/src/planted.ts', '@plumbline/qemu-facets', 'scope:ceph'],
    ['wiring', 'libs/worker/src/planted.ts', '@plumbline/ceph-adapter', 'type:wiring'],
    ['an app', 'apps/api/src/planted.ts', '@plumbline/testing', 'type:app'],
  ])('keeps %s (%s) from importing %s', async (_who, filePath, target, tag) => {
    // An edge against the direction closes a cycle as soon as the other package uses this one; Nx then names the cycle instead.
    const reason = new RegExp(`tagged with "${tag}"|^Circular dependency between`);
    expect(await refusals(filePath, importing(target))).toEqual([expect.stringMatching(reason)]);
  });

  it.each([
    ['libs/sources/ceph/facets/src/planted.ts', '@plumbline/domain'],
    ['libs/intents/src/planted.ts', '@plumbline/ceph-facets'],
    ['libs/engine/src/planted.ts', '@plumbline/domain'],
    ['libs/registry/src/planted.ts', '@plumbline/domain'],
    ['libs/sources/ceph/adapter/src/planted.ts', '@plumbline/ceph-facets'],
    ['libs/sources/ceph/adapter/src/planted.ts', '@plumbline/platform'],
    ['libs/sources/ceph/adapter/src/planted.conformance.spec.ts', '@plumbline/testing'],
    ['libs/worker/src/planted.ts', '@plumbline/registry'],
    ['apps/api/src/planted.ts', '@plumbline/registry'],
    ['apps/api/test/planted.e2e-spec.ts', '@plumbline/stack'],
    ['tools/stack/src/planted.ts', '@plumbline/registry'],
  ])('lets %s import %s', async (filePath, target) => {
    expect(await refusals(filePath, importing(target))).toEqual([]);
  });

  it('refuses a relative path into another package, and a path inside a package', async () => {
    expect(
      await refusals('apps/api/src/planted.ts', importing('../../../libs/domain/src/index.js')),
    ).toHaveLength(1);
    expect(await refusals('apps/api/src/planted.ts', importing('@plumbline/domain/src/ids.js'))).not.toEqual(
      [],
    );
  });
});

describe('what the pure packages may touch', () => {
  it.each([
    ['libs/domain/src/planted.ts', 'pg'],
    ['libs/domain/src/planted.ts', 'node:fs'],
    ['libs/sources/qemu/facets/src/planted.ts', 'rxjs'],
    ['libs/intents/src/planted.ts', '@nestjs/common'],
    ['libs/engine/src/planted.ts', 'bullmq'],
    ['libs/engine/src/planted.ts', 'zod'],
  ])('keeps %s from importing %s', async (filePath, target) => {
    expect(await refusals(filePath, importing(target))).toHaveLength(1);
  });

  const pure = ['libs/domain', 'libs/intents', 'libs/engine', 'libs/sources/qemu/facets'];
  // A real clock, a timer, a source of chance, the process: whatever a run from a seed could not own.
  it.each([
    'export const at = Date.now();',
    'const { now } = Date;\nexport const at = now;',
    'export const at = new Date();',
    'export const at = Date();',
    'export const started = performance.now();',
    'setTimeout(() => undefined, 1);',
    'setInterval(() => undefined, 1);',
    'setImmediate(() => undefined);',
    'queueMicrotask(() => undefined);',
    'export const late = AbortSignal.timeout(1);',
    'export const chance = Math.random();',
    'const { random } = Math;\nexport const chance = random;',
    'export const id = crypto.randomUUID();',
    'export const home = process.cwd();',
    'export const at = globalThis;',
    'export const at = global;',
    "export const timers = import('node:timers');",
    "import { setTimeout } from 'node:timers/promises';\nexport const kept = setTimeout;",
    "import { randomUUID } from 'node:crypto';\nexport const kept = randomUUID;",
  ])('refuses in each of them: %s', async (text) => {
    for (const library of pure)
      expect([library, await refusals(`${library}/src/planted.ts`, text)]).toEqual([
        library,
        [expect.any(String)],
      ]);
  });

  it.each([
    ['libs/domain/src/planted.ts', 'zod'],
    ['libs/engine/src/planted.spec.ts', 'fast-check'],
    ['libs/registry/src/planted.ts', 'consul'],
  ])('lets %s import %s', async (filePath, target) => {
    expect(await refusals(filePath, importing(target))).toEqual([]);
  });

  it.each([
    ['libs/domain/src/planted.ts', 'export const at = new Date(0).toISOString();'],
    ['libs/registry/src/planted.ts', 'export const at = Date.now();'],
  ])('permits in %s: %s', async (filePath, text) => {
    expect(await refusals(filePath, text)).toEqual([]);
  });
});

describe('what no package may do', () => {
  it.each([
    ['a default export', 'export default 1;'],
    ['forwardRef', "import { forwardRef } from '@nestjs/common';\nexport const kept = forwardRef;"],
    ['reading the environment', 'export const home = process.env.HOME;'],
    ['reading the environment by taking it apart', 'export const { env } = process;'],
    [
      'reading the environment through the module',
      "import { env } from 'node:process';\nexport const kept = env;",
    ],
  ])('refuses %s', async (_what, text) => {
    expect(await refusals('libs/queue/src/planted.ts', text)).toHaveLength(1);
  });

  it.each(['apps/api/src/main.ts', 'libs/platform/src/config.ts'])(
    'lets %s read the environment',
    async (filePath) => {
      expect(await refusals(filePath, 'export const home = process.env.HOME;')).toEqual([]);
    },
  );
});
