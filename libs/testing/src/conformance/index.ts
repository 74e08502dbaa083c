export { describeFacet } from './describe-facet.js';
