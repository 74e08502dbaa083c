export { describeFacet } from './describe-facet.js';
export type { FacetSuite, OpenedFacet } from './describe-facet.js';
export { describeSource } from './describe-source.js';
export type { FreshThing, OpenedSource, SourceSuite } from './describe-source.js';
