import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { StackError } from '../errors.js';
import { cacheDir } from '../paths.js';
import { run } from '../run.js';

const updateMs = 120_000;
const downloadMs = 120_000;

let prepared: Promise<string[]> | undefined;

/**
 * Options for an apt of our own: own list of sources, own lists, own cache. It changes nothing on the machine, needs
 * no root, and does not depend on how old the machine's lists are.
 */
async function privateApt(): Promise<string[]> {
  prepared ??= prepareApt();
  return prepared;
}

async function prepareApt(): Promise<string[]> {
  const folder = join(cacheDir, 'apt');
  for (const part of ['lists/partial', 'cache/archives/partial']) {
    mkdirSync(join(folder, part), { recursive: true });
  }
  const sources = join(folder, 'sources.list');
  const mirror = await mirrorOfThisMachine();
  writeFileSync(
    sources,
    ['bullseye', debianCodename()].map((suite) => `deb ${mirror} ${suite} main\n`).join(''),
  );
  const options = Object.entries({
    'Dir::Etc::sourcelist': sources,
    'Dir::Etc::sourceparts': '/dev/null',
    'Dir::State::Lists': join(folder, 'lists'),
    'Dir::Cache': join(folder, 'cache'),
    'Acquire::Languages': 'none',
    'APT::Sandbox::User': process.getuid?.() === 0 ? 'root' : '',
  }).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  // Two stacks may start at once, and apt does not wait for whoever reads the lists already.
  await run('flock', [join(folder, 'lock'), 'apt-get', ...options, '-qq', 'update'], { timeoutMs: updateMs });
  return options;
}

function debianCodename(): string {
  const name = /^VERSION_CODENAME=(\w+)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];
  if (!name) throw new StackError('/etc/os-release does not name this Debian');
  return name;
}

/** Where this machine gets its own packages is where ours come from. */
async function mirrorOfThisMachine(): Promise<string> {
  const format = '$(REPO_URI) $(RELEASE) $(COMPONENT)';
  const targets = await run('apt-get', ['indextargets', '--format', format, 'Created-By: Packages']);
  const wanted = targets.split('\n').find((line) => line.endsWith(` ${debianCodename()} main`));
  const mirror = wanted?.split(' ')[0];
  if (!mirror)
    throw new StackError('the apt sources of this machine have no main archive of its own release');
  return mirror;
}

/** Fetches a package and unpacks it into `folder`, without installing it. */
export async function unpackPackage(name: string, folder: string): Promise<void> {
  const options = await privateApt();
  mkdirSync(folder, { recursive: true });
  await run('apt-get', [...options, '-q', 'download', name], { cwd: folder, timeoutMs: downloadMs });
  const archives = (await run('ls', ['-1', folder])).split('\n').filter((file) => file.endsWith('.deb'));
  for (const archive of archives) await run('dpkg', ['-x', join(folder, archive), folder]);
}

export async function dependenciesOf(name: string): Promise<string[]> {
  const options = await privateApt();
  const text = await run('apt-cache', [...options, 'depends', name]);
  return [...text.matchAll(/Depends: ([\w.+-]+)/g)].map((match) => match[1]!);
}
