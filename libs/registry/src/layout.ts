import { createHash } from 'node:crypto';
import { NUMBERS_PER_MS } from '@plumbline/domain';
import type {
  AccountId,
  ActionNumber,
  BootId,
  FacetName,
  HeldName,
  Instant,
  IntentId,
  QueueName,
  RegionSlug,
  ResourceName,
  SourceName,
  VmId,
  VolumeId,
} from '@plumbline/domain';

/**
 * Where everything stands in Consul's key-value store. Variable parts are of fixed length or hashed, so that no key is
 * a prefix of another: batched reads use `get-tree`, which matches prefixes, because a `get` of a missing key fails its
 * whole transaction.
 */
export interface Layout {
  volume(account: AccountId, id: VolumeId): string;
  volumes: string;
  volumesOf(account: AccountId): string;
  volumesWithHex(account: AccountId, hex: string): string;
  owner(id: VolumeId): string;
  owners: string;
  name(of: { account: AccountId; region: RegionSlug; kind: 'volume'; name: string }): string;
  /** The same of a volume's name that may be known by its hash alone. */
  heldName(of: HeldName): string;
  names: string;
  lane(resource: ResourceName): string;
  lanes: string;
  owed(source: SourceName, resource: ResourceName, intent: IntentId): string;
  owedTo(source: SourceName): string;
  owedOf(source: SourceName, resource: ResourceName): string;
  action(account: AccountId, n: ActionNumber): string;
  actionsOf(account: AccountId): string;
  /** What begins the keys of all actions that were recorded at about that time, and of those before: the newest first. */
  actionsAbout(account: AccountId, at: Instant): readonly string[];
  volumeAction(id: VolumeId, n: ActionNumber): string;
  volumeActionsOf(id: VolumeId): string;
  /** What customers do not see: repairs, and the like. */
  internalAction(account: AccountId, n: ActionNumber): string;
  internalActions: string;
  internalVolumeAction(id: VolumeId, n: ActionNumber): string;
  internalVolumeActionsOf(id: VolumeId): string;
  vm(id: VmId): string;
  vms: string;
  account(id: AccountId): string;
  accounts: string;
  usage(account: AccountId): string;
  token(sha256: string): string;
  tokens: string;
  request(account: AccountId, key: string): string;
  tombstone(id: VolumeId): string;
  tombstones: string;
  rev(account: AccountId, hex: string): string;
  revsOf(account: AccountId): string;
  boot(boot: BootId): string;
  boots: string;
  beat(boot: BootId): string;
  beats: string;
  discrepancy(facet: FacetName, id: string): string;
  discrepancies: string;
  scrub(name: string): string;
  scrubBrake(facet: FacetName): string;
  scrubBrakes: string;
  scrubRelease(facet: FacetName): string;
  scrubReleases: string;
  scrubRequest(hash: string): string;
  scrubRequests: string;
  scrubAnswer(hash: string): string;
  scrubAnswers: string;
  throttle(queue: QueueName): string;
  throttles: string;
  tick: string;
  halt: string;
}

const VM_DIGITS = 10;
const ACTION_DIGITS = 16;
/** A number's first digits are its instant's: so many leave spans of 28 hours. */
const SPAN_DIGITS = 5;

/** @param prefix of all keys, ending in a slash: several systems can share one Consul. */
export function layoutOf(prefix: string): Layout {
  const key = (path: string): string => `${prefix}${path}`;
  return {
    volume: (account, id) => key(`volumes/${account}/${id}`),
    volumes: key('volumes/'),
    volumesOf: (account) => key(`volumes/${account}/`),
    volumesWithHex: (account, hex) => key(`volumes/${account}/${hex}`),
    owner: (id) => key(`owners/${id}`),
    owners: key('owners/'),
    name: ({ account, region, kind, name }) => key(`names/${account}/${region}/${kind}/${hash(name)}`),
    heldName: ({ account, region, name }) =>
      key(`names/${account}/${region}/volume/${name.startsWith('=') ? name.slice(1) : hash(name)}`),
    names: key('names/'),
    lane: (resource) => key(`lanes/${resource}`),
    lanes: key('lanes/'),
    owed: (source, resource, intent) => key(`owed/${source}/${resource}/${intent}`),
    owedTo: (source) => key(`owed/${source}/`),
    owedOf: (source, resource) => key(`owed/${source}/${resource}/`),
    action: (account, n) => key(`actions/${account}/${digits(n, ACTION_DIGITS)}`),
    actionsOf: (account) => key(`actions/${account}/`),
    actionsAbout: (account, at) => spans(at).map((span) => key(`actions/${account}/${span}`)),
    volumeAction: (id, n) => key(`volume-actions/${id}/${digits(n, ACTION_DIGITS)}`),
    volumeActionsOf: (id) => key(`volume-actions/${id}/`),
    internalAction: (account, n) => key(`internal-actions/${account}/${digits(n, ACTION_DIGITS)}`),
    internalActions: key('internal-actions/'),
    internalVolumeAction: (id, n) => key(`internal-volume-actions/${id}/${digits(n, ACTION_DIGITS)}`),
    internalVolumeActionsOf: (id) => key(`internal-volume-actions/${id}/`),
    vm: (id) => key(`vms/${digits(id, VM_DIGITS)}`),
    vms: key('vms/'),
    account: (id) => key(`accounts/${id}`),
    accounts: key('accounts/'),
    usage: (account) => key(`usage/${account}`),
    token: (sha256) => key(`tokens/${sha256}`),
    tokens: key('tokens/'),
    request: (account, requestKey) => key(`requests/${account}/${hash(requestKey)}`),
    tombstone: (id) => key(`tombstones/${id}`),
    tombstones: key('tombstones/'),
    rev: (account, hex) => key(`revs/${account}/${hex}`),
    revsOf: (account) => key(`revs/${account}/`),
    boot: (boot) => key(`boots/${boot}`),
    boots: key('boots/'),
    beat: (boot) => key(`beats/${boot}`),
    beats: key('beats/'),
    discrepancy: (facet, id) => key(`discrepancies/${facet}/${hash(id)}`),
    discrepancies: key('discrepancies/'),
    scrub: (name) => key(`scrub/${name}`),
    // With an end of its own, so that no facet's name makes one key another's prefix.
    scrubBrake: (facet) => key(`scrub/brakes/${facet}/on`),
    scrubBrakes: key('scrub/brakes/'),
    scrubRelease: (facet) => key(`scrub/releases/${facet}/word`),
    scrubReleases: key('scrub/releases/'),
    scrubRequest: (hash) => key(`scrub/requests/${hash}`),
    scrubRequests: key('scrub/requests/'),
    scrubAnswer: (hash) => key(`scrub/answers/${hash}`),
    scrubAnswers: key('scrub/answers/'),
    // With an end of its own, so that a host's name that begins as another's does not make one key the other's prefix.
    throttle: (queue) => key(`throttles/${queue}/set`),
    throttles: key('throttles/'),
    tick: key('tick'),
    halt: key('halt'),
  };
}

function spans(at: Instant): readonly string[] {
  const span = Math.floor((at * NUMBERS_PER_MS) / 10 ** (ACTION_DIGITS - SPAN_DIGITS));
  return [span, span - 1].filter((one) => one >= 0).map((one) => digits(one, SPAN_DIGITS));
}

function digits(n: number, length: number): string {
  return String(n).padStart(length, '0');
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
