/** What is done behind the registry's back before a repair is asked for: what it is there to put right. */
import type { AnyIntentDefinition } from '@plumbline/domain';

export type Damage =
  | 'image in the trash'
  | 'image out of the trash'
  | 'plugged by hand'
  | 'image made by hand'
  | 'image grown by hand';

/** What the name of an image begins with that is no volume's. */
export const BY_HAND = 'by-hand-';

/** Its name, when it is about that volume: before it is adopted, or after its release. */
export function byHandNameOf(volume: string): string {
  return `${BY_HAND}${volume}`;
}

/** By kind; those that are not here find something to do in what nobody has damaged. */
const DAMAGES: Readonly<Record<string, Damage>> = {
  'repair-image': 'image in the trash',
  'repair-leftover': 'image out of the trash',
  'repair-unplug': 'plugged by hand',
  'volume-adopt': 'image made by hand',
  'volume-adopt-size': 'image grown by hand',
};

export function damageOf({ kind }: Pick<AnyIntentDefinition, 'kind'>): Damage | null {
  return DAMAGES[kind] ?? null;
}

/** Why a kind has no cases; null: it has. */
export function excludedKind({ kind }: Pick<AnyIntentDefinition, 'kind'>): string | null {
  return EXCLUDED[kind] ?? null;
}

const EXCLUDED: Readonly<Record<string, string>> = {
  'repair-disk-size':
    'No VM can be made to show less than its image has: QEMU reads the size when it opens it, and grows it when it is told. The one step of `repair-disk-size` is that of `volume-resize, attached`, whose cases are here.',
};
