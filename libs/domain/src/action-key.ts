import { parseVolumeId } from './ids.js';
import type { AccountId, ActionNumber, VolumeId } from './ids.js';

/** An action's number is its instant's, and one of so many of that millisecond. */
export const NUMBERS_PER_MS = 1000;

/** Where one action of a volume stands, whose number is its account's own. */
export interface ActionOfVolume {
  readonly volume: string;
  readonly account: AccountId;
  readonly n: ActionNumber;
}

/** Key of an action, as the scrubber lists them: `<volume>/<account>/<number>`, so that all of a volume stand together. */
export function actionKeyOf({ account, n, volume }: ActionOfVolume): string {
  return `${volume}/${account}/${n}`;
}

export function parseActionKey(key: string): ActionOfVolume {
  const [volume = '', account = '', n = ''] = key.split('/');
  // Parts of a key that was made of these.
  return { volume, account: account as AccountId, n: Number(n) as ActionNumber };
}

export function volumeOfActionKey(key: string): VolumeId | null {
  return parseVolumeId(parseActionKey(key).volume);
}
