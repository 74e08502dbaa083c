import { SetMetadata } from '@nestjs/common';
import type { z } from 'zod';

/** What OpenAPI says of a route beyond what Nest knows of it. */
export interface Description {
  readonly summary: string;
  /** Longer, where the contract needs it. */
  readonly about?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: z.ZodType;
  /** By status; null: without a body. */
  readonly answers: Readonly<Record<number, z.ZodType | null>>;
}

export const DESCRIPTION = 'plumbline:description';

/**
 * Describes a route. It only keeps the description beside the route: the library that makes OpenAPI of it costs more
 * memory than all controllers, and is loaded when somebody asks for the document.
 */
export function Describe(description: Description): MethodDecorator {
  return SetMetadata(DESCRIPTION, description);
}

export const PAGING = {
  page: 'From 1. A page past the end is empty.',
  per_page: 'From 1 to 200; what is beyond is clamped. 20 when absent.',
} as const;
