import { InvariantError } from '@plumbline/domain';

const ADDRESS = /^(\[[0-9a-fA-F:.]+\]|[0-9.]+):\d+\/\d+$/;

/**
 * A RADOS address as a blocklist takes it: `ip:port/nonce`. librados also prints it with the messenger's version before
 * it (`v2:`, `v1:`, `any:`), and several of one client in brackets; the nonce is the same in all, and the first serves.
 */
export function plainAddress(text: string): string {
  const first = text.replace(/^\[(?=v\d:|any:)/, '').split(/,(?=v\d:|any:)/)[0] ?? '';
  return first.replace(/\](?=$)/, '').replace(/^(v\d|any):/, '');
}

/**
 * The same, for an address that is about to be fenced. An address without port and nonce would fence everything on its
 * host, our own clients included, so nothing but a whole one is let through.
 */
export function fenceableAddress(text: string): string {
  const address = plainAddress(text);
  const nonce = address.slice(address.lastIndexOf('/') + 1);
  if (!ADDRESS.test(address) || Number(nonce) === 0) {
    throw new InvariantError('was asked to fence what is no RADOS address', {
      reason: 'ceph-address',
      cause: text,
    });
  }
  return address;
}
