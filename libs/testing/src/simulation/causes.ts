import type { DiscrepancyRecord, VolumeId } from '@plumbline/domain';
import { broken } from './judgement.js';
import { SCRUBBED, wrongOf } from './truth.js';
import type { Mistake, World } from './world.js';

/** How many things were spoilt by hand, and what came of it. */
export interface PlantedCounts {
  readonly planted: number;
  readonly found: number;
  /** Somebody's work had put it right, or taken it away, before it was seen twice. */
  readonly overtaken: number;
  /** Still wrong where a seed ends otherwise: nobody was given the time to find it. */
  readonly unjudged: number;
}

interface Planted {
  readonly volume: VolumeId;
  readonly source: string;
  isFound: boolean;
}

/**
 * What can have made something differ from its record. Whatever the scrubber tells to be wrong without one of these is either
 * no drift, or drift of our own making, which its repair would hide.
 */
export class Causes {
  private readonly sources = new Map<string, Set<string>>();
  private readonly planted: Planted[] = [];

  constructor(private readonly world: World) {}

  /** By a fault, or by what must be done against one: what that source has of the volume may differ from now on. */
  add(volume: string, source: string): void {
    const known = this.sources.get(volume);
    if (known === undefined) this.sources.set(volume, new Set([source]));
    else known.add(source);
  }

  /** By hand, past all of us: it has to be found. */
  plant(volume: VolumeId, source: string): void {
    this.add(volume, source);
    this.planted.push({ volume, source, isFound: false });
  }

  /** A3: what is told to be wrong. */
  confirmed({ class: sort, facet, volume }: DiscrepancyRecord): Mistake | null {
    if (volume === null) return null;
    const source = sourceOf(facet);
    for (const one of this.planted) if (one.volume === volume && one.source === source) one.isFound = true;
    if (this.sources.get(volume)?.has(source) === true) return null;
    return broken('A3', `${facet} is ${sort}, and nobody had a hand in it`, `volume/${volume}`);
  }

  counts(): PlantedCounts {
    const { planted, world } = this;
    const found = planted.filter(({ isFound }) => isFound).length;
    const unjudged = planted.filter((one) => !one.isFound && isWrong(world, one)).length;
    return {
      planted: planted.length,
      found,
      overtaken: planted.length - found - unjudged,
      unjudged,
    };
  }
}

function isWrong(world: World, { source, volume }: Planted): boolean {
  const facets = SCRUBBED.filter((facet) => facet.source === source);
  return wrongOf(world, volume, facets).length > 0;
}

function sourceOf(facet: string): string {
  return facet.slice(0, facet.indexOf('.'));
}
