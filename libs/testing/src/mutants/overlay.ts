import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { transformSync } from '@swc/core';
import { edited, editsOf } from './mutant.js';
import type { Mutant } from './mutant.js';

/** What stands in place of a built module, by the module's address. */
export type Overlay = Readonly<Record<string, string>>;

/** A mutant's sources, by their place below the root. @throws RangeError when an edit finds no place */
function sourcesOf(mutant: Mutant, root: string): ReadonlyMap<string, string> {
  const sources = new Map<string, string>();
  for (const edit of editsOf(mutant)) {
    const source = sources.get(edit.file) ?? readFileSync(join(root, edit.file), 'utf8');
    sources.set(edit.file, edited(source, edit));
  }
  return sources;
}

/** A mutant's modules, edited in the source and stripped of types. @throws RangeError when an edit finds no place */
export function overlayOf(mutant: Mutant, root: string): Overlay {
  return Object.fromEntries(
    [...sourcesOf(mutant, root)].map(([file, source]) => [
      pathToFileURL(join(root, builtOf(file))).href,
      stripped(source),
    ]),
  );
}

/** The argument by which Node takes the overlay before it loads anything: what is loaded then cannot tell. */
export function importArgument(overlay: Overlay): string {
  const hooks = JSON.stringify(new URL('./hooks.js', import.meta.url).href);
  const code = `import { register } from 'node:module'; register(${hooks}, { data: ${JSON.stringify(overlay)} });`;
  return `--import=data:text/javascript,${encodeURIComponent(code)}`;
}

function builtOf(file: string): string {
  return file.replace('/src/', '/dist/').replace(/\.ts$/, '.js');
}

function stripped(source: string): string {
  const { code } = transformSync(source, {
    swcrc: false,
    sourceMaps: false,
    jsc: { target: 'es2023', parser: { syntax: 'typescript' } },
    module: { type: 'es6' },
  });
  return code;
}
