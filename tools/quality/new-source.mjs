/** Writes the folders of a new source. Run by `tools/new-source`. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import prettier from 'prettier';
import { NAME, planOf } from './new-source/plan.mjs';

const HELP = `usage: tools/new-source NAME [--dry-run] [--root DIR]

Writes libs/sources/NAME/facets, libs/sources/NAME/adapter and apps/NAME-worker, and adds NAME to the table of sources in
libs/domain/src/sources.ts. What it writes works, against an HTTP service that keeps a document under each key; change
wire.ts and entry.ts to what the new source really speaks and holds.

NAME is 2 to 16 lower-case letters and digits, and begins with a letter.

  --dry-run   only say what would be written
  --root DIR  another tree

Exit status: 0 written, 1 already there, 2 not understood.`;

/** @param {string} message @param {number} status @returns {never} */
function end(message, status) {
  console.error(message);
  process.exit(status);
}

function options() {
  try {
    const shape = /** @type {const} */ ({
      'dry-run': { type: 'boolean' },
      root: { type: 'string' },
      help: { type: 'boolean' },
    });
    return parseArgs({ options: shape, allowPositionals: true });
  } catch (error) {
    return end(`${/** @type {Error} */ (error).message}\n\n${HELP}`, 2);
  }
}

const { values, positionals } = options();
if (values.help) {
  console.log(HELP);
  process.exit(0);
}
const [name = ''] = positionals;
if (positionals.length !== 1 || !NAME.test(name))
  end(`one name of 2 to 16 lower-case letters and digits is wanted\n\n${HELP}`, 2);

const root = resolve(values.root ?? join(import.meta.dirname, '../..'));
const plan = planOf(root, name);
const taken = [`libs/sources/${name}`, `apps/${name}-worker`].find((path) => existsSync(join(root, path)));
if (taken || readFileSync(join(root, plan.table.path), 'utf8').includes(plan.line)) {
  end(`${taken ?? plan.table.path} is there already: nothing was written`, 1);
}
for (const { path, text } of [...plan.created, plan.table]) {
  console.log(path === plan.table.path ? `${path}: +${plan.line.trim()}` : path);
  if (values['dry-run']) continue;
  const config = await prettier.resolveConfig(join(root, path));
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), await prettier.format(text, { ...config, filepath: path }));
}
console.log(
  values['dry-run']
    ? 'dry run: nothing was written'
    : '\nnext: npm install (links the new packages), then docs/adding-a-source.md',
);
