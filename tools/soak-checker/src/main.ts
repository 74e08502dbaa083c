import { parseArgs } from 'node:util';
import { check, type Checked } from './check.js';
import { readHistory } from './history-file.js';

const SHOWN_MAX = 50;

/** The report of a check, as people read it. */
function linesOf({ findings, totals }: Checked): readonly string[] {
  const all = Object.entries(totals).map(([what, count]) => `${count} ${what}`);
  const shown = findings.slice(0, SHOWN_MAX).map(({ requests = [], rule, volume, what }) => {
    const of = requests.length === 0 ? '' : ` [request ${requests.join(', ')}]`;
    return `  ${rule}  ${volume === undefined ? '' : `volume ${volume} `}${what}${of}`;
  });
  const more = findings.length > SHOWN_MAX ? [`  and ${findings.length - SHOWN_MAX} more`] : [];
  const verdict = findings.length === 0 ? 'nothing is violated' : `${findings.length} violations`;
  return [...shown, ...more, `checked: ${verdict} (${all.join(', ')})`];
}

const { positionals, values } = parseArgs({ options: { json: { type: 'boolean' } }, allowPositionals: true });
const [file] = positionals;
if (file === undefined || positionals.length > 1) {
  process.stderr.write('say which history to check: tools/soak-check FILE [--json]\n');
  process.exit(2);
}
const checked = check(await readHistory(file));
process.stdout.write(
  values.json ? `${JSON.stringify(checked, null, 2)}\n` : `${linesOf(checked).join('\n')}\n`,
);
process.exitCode = checked.findings.length === 0 ? 0 : 1;
