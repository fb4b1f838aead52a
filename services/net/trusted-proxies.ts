import { BlockList, isIP } from 'node:net'

/** The set of proxies whose forwarding headers are believed. */
export interface TrustedProxies {
  /** Undefined: the connection was reset before its address was asked for. */
  has(address: string | undefined): boolean
}

/**
 * Reads `TRUST_PROXY`: addresses and CIDR ranges, by comma.
 * @throws RangeError that names the entry; `true` or a count of hops is rejected, since either would let any caller name
 * its own address.
 */
export function parseTrustedProxies(list: string | undefined): TrustedProxies {
  const proxies = new BlockList()
  for (const entry of (list ?? '').split(',').map((part) => part.trim())) {
    if (entry !== '') addEntry(proxies, entry)
  }
  return {
    has(address = '') {
      const plain = address.startsWith('::ffff:') && isIP(address.slice(7)) === 4 ? address.slice(7) : address
      const version = isIP(plain)
      return version !== 0 && proxies.check(plain, version === 4 ? 'ipv4' : 'ipv6')
    },
  }
}

function addEntry(proxies: BlockList, entry: string): void {
  const [address = '', prefix, ...rest] = entry.split('/')
  const version = isIP(address)
  const bits = version === 4 ? 32 : 128
  const length = prefix === undefined ? bits : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN
  if (version === 0 || rest.length > 0 || !(length >= 0 && length <= bits)) {
    throw new RangeError(`"${entry.slice(0, 64)}" is neither an address nor a CIDR range`)
  }
  proxies.addSubnet(address, length, version === 4 ? 'ipv4' : 'ipv6')
}
