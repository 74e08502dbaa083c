import { volumeIdOfNode } from '@plumbline/domain';
import { z } from 'zod';

/** A block node as QEMU describes it in several answers, as far as we read it. */
export const describedNode = z.object({
  'node-name': z.string().optional(),
  drv: z.string(),
  image: z.object({ filename: z.string(), 'virtual-size': z.number() }),
});
type DescribedNode = z.infer<typeof describedNode>;

/** Answer of `query-named-block-nodes`. */
export const namedNodesReply = z.array(describedNode);

/** Answer of `query-blockstats`: of the nodes nothing but their names. */
export const blockStatsReply = z.array(z.object({ 'node-name': z.string().optional() }));

/** An RBD image that a VM has open, by the name of the block node that a device would be put on. */
export interface OpenImage {
  readonly name: string;
  readonly pool: string;
  readonly image: string;
  readonly sizeBytes: number;
  /** Known by its name alone: pool and image are empty. */
  readonly unreadable?: true;
}

/** Whether somebody gave the node its name: QEMU itself names the inner halves of others, `#block…`. */
export function isNamed(name: string): boolean {
  return name !== '' && !name.startsWith('#');
}

/**
 * The RBD images among a VM's block nodes. Unnamed nodes that speak RBD are the inner halves of others. A node of one of our names counts whatever is behind it.
 */
export function openImagesOf(nodes: readonly DescribedNode[]): OpenImage[] {
  return nodes.flatMap((node) => {
    const name = node['node-name'] ?? '';
    if (name === '' || (node.drv === 'rbd' && !isNamed(name))) return [];
    const found = rbdImageOf(node.image.filename);
    const isOurs = volumeIdOfNode(name) !== null;
    if (found === null && !isOurs) return [];
    const { pool, image } = found ?? { pool: '', image: node.image.filename };
    return [{ name, pool, image, sizeBytes: node.image['virtual-size'] }];
  });
}

/**
 * Our nodes among names, when QEMU would tell nothing but names: it reads the head of every image before it tells of any,
 * and one whose client is fenced can never be read again. That must not hide all others of that VM.
 */
export function unreadableOf(names: Iterable<string>): OpenImage[] {
  const ours = [...names].filter((name) => volumeIdOfNode(name) !== null);
  return ours.map((name) => ({ name, pool: '', image: '', sizeBytes: 0, unreadable: true }));
}

const LAYERS_MAX = 8;

const layer = z.object({
  driver: z.string().optional(),
  pool: z.string().optional(),
  image: z.string().optional(),
  namespace: z.string().optional(),
  snapshot: z.string().optional(),
  file: z.unknown().optional(),
});

/** QEMU tells what a node was made of as `json:{…}`, layer in layer; null when there is no RBD image at the bottom. */
function rbdImageOf(filename: string): { pool: string; image: string } | null {
  if (!filename.startsWith('json:')) return null;
  let inner: unknown = jsonOf(filename.slice('json:'.length));
  for (let depth = 0; depth < LAYERS_MAX; depth += 1) {
    const { success, data } = layer.safeParse(inner);
    if (!success) return null;
    if (data.driver !== 'rbd') {
      inner = data.file;
      continue;
    }
    const { pool = '', image = '', namespace = '', snapshot } = data;
    const name = namespace === '' ? image : `${namespace}/${image}`;
    return { pool, image: snapshot === undefined ? name : `${name}@${snapshot}` };
  }
  return null;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
