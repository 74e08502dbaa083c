/** Finds what the compiler and the linter do not look at. Run by `tools/tidy`. */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ALLOWED } from './tidy/allowed.mjs';
import { findingsIn } from './tidy/findings.mjs';

const HELP = `usage: tools/tidy [--json] [--root DIR]

Looks at every file that git has or would take, and prints what should not stay, as file:line reason.

  long-file           a program of more than 400 lines
  dead-export         an export that nothing imports (from a package's index: nothing outside the package, and no test)
  import-cycle        modules that import each other in a circle
  broken-link         a relative link in a page that leads nowhere
  word                a name with a word that means nothing, or that has a word of ours already
  leftover            work put off
  left-out-test       a test that is skipped, or that keeps others from running
  switched-off-rule   a lint or type rule switched off without its reason beside it
  machine-path        an absolute path of one machine
  package-host        the address of a package source
  lock-file-registry  a registry's address in package-lock.json
  dependency          a dependency without a reason in docs/decisions/dependencies.md
  allowed             an entry of tools/quality/tidy/allowed.mjs that matches nothing any more

  --json      the findings as one JSON object
  --root DIR  another tree; the list of what is allowed belongs to this one and is left aside

Exit status: 0 nothing found, 1 something found, 2 not understood.`;

function options() {
  try {
    const shape = /** @type {const} */ ({
      json: { type: 'boolean' },
      root: { type: 'string' },
      help: { type: 'boolean' },
    });
    return parseArgs({ options: shape }).values;
  } catch (error) {
    console.error(`${/** @type {Error} */ (error).message}\n\n${HELP}`);
    process.exit(2);
  }
}

const { json = false, root, help = false } = options();
if (help) {
  console.log(HELP);
  process.exit(0);
}
const findings = root
  ? findingsIn(resolve(root), [])
  : findingsIn(resolve(import.meta.dirname, '../..'), ALLOWED);
if (json) console.log(JSON.stringify({ findings }, null, 2));
else {
  for (const { file, line, check, reason } of findings) console.log(`${file}:${line} ${reason} [${check}]`);
  console.log(`${findings.length} findings`);
}
process.exitCode = findings.length === 0 ? 0 : 1;
