import { catalogOf } from '@plumbline/domain';
import type { IntentCatalog } from '@plumbline/domain';
import { volumeAttach } from './volume-attach.js';
import { volumeCreate } from './volume-create.js';
import { volumeDelete } from './volume-delete.js';
import { volumeDetach } from './volume-detach.js';
import { volumeResize } from './volume-resize.js';

export { volumeCreate, volumeDelete };
export { EXAMPLE_VOLUME, optionalRegion, sizeGib } from './fields.js';

/** Every kind of intent there is. A new operation is a file beside this one and a line here. */
export const intentCatalog: IntentCatalog = catalogOf([
  volumeCreate,
  volumeResize,
  volumeAttach,
  volumeDetach,
  volumeDelete,
]);
