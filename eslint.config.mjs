/**
 * The direction of imports, and what the pure packages may not touch, are rules here rather than habits: a plan that reads
 * the clock, or an engine that sets a timer, can no longer be replayed from a seed. `tools/quality/boundaries.spec.mjs`
 * proves that each of these rules refuses what it must.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import nx from '@nx/eslint-plugin';
import { defineConfig } from 'eslint/config';
import ts from 'typescript-eslint';

// Without a graph of the projects Nx's rule skips itself with a mere warning, so the graph is made before anything is linted.
process.env.NX_DAEMON ??= 'false';
process.env.NX_NO_CLOUD ??= 'true';
const { createProjectGraphAsync } = await import('@nx/devkit');
await createProjectGraphAsync({ exitOnError: false });

const sources = readdirSync(join(import.meta.dirname, 'libs/sources'));
const ALL_LIBS = ['domain', 'facets', 'intents', 'engine', 'infrastructure', 'adapter', 'wiring'].map(
  (name) => `type:${name}`,
);

/** Who may import whom. Tests of the outer layers may besides use the harness: it never depends on what they test. */
function boundaries({ inTests, allow = inTests ? ['@plumbline/stack'] : [] }) {
  const harness = inTests ? ['type:testing'] : [];
  const may = (sourceTag, ...onlyDependOnLibsWithTags) => ({ sourceTag, onlyDependOnLibsWithTags });
  const depConstraints = [
    may('type:domain'),
    may('type:facets', 'type:domain'),
    may('type:intents', 'type:domain', 'type:facets'),
    may('type:engine', 'type:domain'),
    may('type:infrastructure', 'type:domain', ...harness),
    may('type:adapter', 'type:domain', 'type:facets', 'scope:platform', ...harness),
    ...sources.map((name) =>
      may(`scope:${name}`, 'type:domain', 'scope:platform', `scope:${name}`, ...harness),
    ),
    // What every worker is made of, put together once for all of them; which adapter it works on, the app says.
    may(
      'type:wiring',
      'type:domain',
      'type:facets',
      'type:intents',
      'type:engine',
      'type:infrastructure',
      ...harness,
    ),
    may('type:testing', ...ALL_LIBS),
    may('type:app', ...ALL_LIBS, ...harness),
    // It judges the product by what others saw of it: a mistake in the product's code must not excuse itself.
    may('type:checker'),
    may('type:tool', ...ALL_LIBS, 'type:testing', 'type:app', 'type:tool', 'type:checker'),
  ];
  // A suite that needs real parts starts them through the stack, which Nx counts as an application.
  return ['error', { depConstraints, allow }];
}

const DEEP = [
  {
    regex: '^@plumbline/[^/]+/',
    message: 'Import the package itself; what is not in its index is its own affair.',
  },
  { regex: '^[^.@][^/]*/(src|dist)/', message: 'Import the package itself, not a file inside it.' },
];
const FORWARD_REF = {
  name: '@nestjs/common',
  importNames: ['forwardRef'],
  message: 'A cycle of modules: turn one of the two edges round.',
};
const PROCESS_IMPORTS = ['process', 'node:process'].map((name) => ({
  name,
  message: 'Use the global `process`, so that the rules on reading the environment see it.',
}));

function imports(...patterns) {
  return ['error', { paths: [FORWARD_REF, ...PROCESS_IMPORTS], patterns: [...DEEP, ...patterns] }];
}

const ENVIRONMENT = {
  object: 'process',
  property: 'env',
  message: 'The environment is read once, in main.ts or config.ts, through a validated schema.',
};

/** What would make a run of the pure packages depend on anything but its arguments, and what to use instead. */
const AMBIENT = {
  globals: {
    setTimeout: 'Return `{ waitMs }` or take a timer as an argument: a simulation must own every wait.',
    setInterval: 'Return `{ waitMs }` or take a timer as an argument: a simulation must own every wait.',
    setImmediate: 'Take a scheduler as an argument: a simulation must own the order of events.',
    queueMicrotask: 'Take a scheduler as an argument: a simulation must own the order of events.',
    process: 'Take what is needed as an argument: the pure packages know no process.',
    performance: 'Take a clock as an argument: a simulation must own the time.',
    crypto: 'Take the id or nonce as an argument: a simulation must own every random value.',
    fetch: 'I/O belongs to an adapter or to infrastructure.',
    console: 'Leaf functions do not log: return the outcome or throw.',
    global: 'Name what is needed and take it as an argument.',
    globalThis: 'Name what is needed and take it as an argument.',
  },
  properties: [
    {
      object: 'Date',
      property: 'now',
      message: 'Take the instant as an argument: it comes from the committer.',
    },
    {
      object: 'Math',
      property: 'random',
      message: 'Take the random value as an argument: plans are deterministic.',
    },
    {
      object: 'AbortSignal',
      property: 'timeout',
      message: 'Take the signal as an argument: a simulation must own every wait.',
    },
  ],
  syntax: [
    {
      selector: 'NewExpression[callee.name="Date"][arguments.length=0], CallExpression[callee.name="Date"]',
      message: 'Take the instant as an argument: it comes from the committer.',
    },
    {
      selector: 'ImportExpression',
      message: 'The pure packages load nothing while they run.',
    },
  ],
};

// What several specs of a package share is in its `src/testing`, which is in no build.
const SPECS = ['**/*.spec.ts', 'libs/**/src/testing/**/*.ts', 'apps/*/test/**/*.ts', 'tools/*/test/**/*.ts'];
const PURE_WITH_ZOD = ['libs/domain/src/**', 'libs/intents/src/**', 'libs/sources/*/facets/src/**'];
const ENGINE = ['libs/engine/src/**'];

export default defineConfig(
  { ignores: ['**/dist/**', '**/.nx/**', '.plumbline/**', '**/coverage/**'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.ts'],
    extends: [...ts.configs.recommendedTypeChecked],
    // One program for the whole tree, reading the sources of other packages and not their builds: quicker than one per package, and right in a fresh clone.
    languageOptions: {
      parserOptions: { project: ['./tsconfig.json'], tsconfigRootDir: import.meta.dirname },
    },
  },
  {
    files: ['**/*.ts'],
    plugins: { '@nx': nx },
    rules: {
      '@nx/enforce-module-boundaries': boundaries({ inTests: false }),
      '@typescript-eslint/require-await': 'off', // Processors and fakes are asynchronous by contract, whether they wait or not.
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
      '@typescript-eslint/ban-ts-comment': [
        'error',
        { 'ts-expect-error': 'allow-with-description', minimumDescriptionLength: 10 },
      ],
      eqeqeq: 'error',
      'no-restricted-imports': imports(),
      'no-restricted-exports': [
        'error',
        {
          restrictDefaultExports: {
            direct: true,
            named: true,
            defaultFrom: true,
            namedFrom: true,
            namespaceFrom: true,
          },
        },
      ],
    },
  },
  {
    // Not the tools: a terminal is their output, and the environment is what they hand on to the processes they start.
    files: ['apps/**/*.ts', 'libs/**/*.ts'],
    rules: { 'no-console': 'error', 'no-restricted-properties': ['error', ENVIRONMENT] },
  },
  {
    // Whoever puts something between a worker and its ports starts that worker itself.
    files: ['tools/crash-matrix-run/src/entries/**'],
    rules: {
      '@nx/enforce-module-boundaries': boundaries({
        inTests: false,
        allow: ['ceph', 'qemu', 'billing'].map((name) => `@plumbline/${name}-worker`),
      }),
    },
  },
  { files: ['**/main.ts', '**/config.ts'], rules: { 'no-restricted-properties': 'off' } },
  {
    files: [...PURE_WITH_ZOD, ...ENGINE],
    ignores: SPECS,
    rules: {
      'no-restricted-globals': [
        'error',
        ...Object.entries(AMBIENT.globals).map(([name, message]) => ({ name, message })),
      ],
      'no-restricted-properties': ['error', ENVIRONMENT, ...AMBIENT.properties],
      'no-restricted-syntax': ['error', ...AMBIENT.syntax],
    },
  },
  {
    files: PURE_WITH_ZOD,
    ignores: SPECS,
    rules: {
      'no-restricted-imports': imports({
        regex: '^(?!\\.|@plumbline/|zod$)',
        message: 'Pure: `zod` is the only package it may import.',
      }),
    },
  },
  {
    files: ENGINE,
    ignores: SPECS,
    rules: {
      'no-restricted-imports': imports({
        regex: '^(?!\\.|@plumbline/)',
        message:
          'Pure: it imports @plumbline/domain and nothing else; what it needs of the world is a port there.',
      }),
    },
  },
  {
    files: SPECS,
    rules: {
      '@nx/enforce-module-boundaries': boundaries({ inTests: true }),
      '@typescript-eslint/no-unsafe-assignment': 'off', // Jest's asymmetric matchers are typed `any`.
      'no-restricted-properties': 'off', // The runner tells suites by the environment where their stack is.
    },
  },
);
