import { catalogOf } from '@plumbline/domain';
import type { IntentCatalog } from '@plumbline/domain';
import { volumeAdopt } from './volume-adopt.js';
import { volumeAdoptSize } from './volume-adopt-size.js';
import { volumeAttach } from './volume-attach.js';
import { volumeCreate } from './volume-create.js';
import { volumeDelete } from './volume-delete.js';
import { volumeDetach } from './volume-detach.js';
import { volumePurge } from './volume-purge.js';
import { volumeRelease } from './volume-release.js';
import { volumeResize } from './volume-resize.js';
import { repairClaims } from './repair-claims.js';
import { repairDisk } from './repair-disk.js';
import { repairDiskSize } from './repair-disk-size.js';
import { repairImage } from './repair-image.js';
import { repairLeftover } from './repair-leftover.js';
import { repairSubscription } from './repair-subscription.js';
import { repairUnplug } from './repair-unplug.js';

export { volumeAdopt, volumeAdoptSize, volumeCreate, volumeDelete, volumeRelease };
export { EXAMPLE_VOLUME, SIZE_GIB_MAX, optionalRegion, sizeGib } from './fields.js';

/** Every kind of intent there is. A new operation is a file beside this one and a line here. */
export const intentCatalog: IntentCatalog = catalogOf([
  volumeCreate,
  volumeResize,
  volumeAttach,
  volumeDetach,
  volumeDelete,
  volumePurge,
  repairClaims,
  volumeAdopt,
  volumeRelease,
  volumeAdoptSize,
  repairDisk,
  repairDiskSize,
  repairImage,
  repairLeftover,
  repairSubscription,
  repairUnplug,
]);
