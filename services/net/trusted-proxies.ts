import { isIP } from 'node:net'
import ipaddr, { type IPv4, type IPv6 } from 'ipaddr.js'
import { InvalidValueError } from '../errors/app-error.ts'
import { memoize } from './memoize.ts'

/** The proxies whose forwarding headers are trusted. */
export interface TrustedProxies {
  /** `address` of a connection; undefined if it was reset before the address was read. */
  has(address: string | undefined): boolean
}

/**
 * Parses `TRUST_PROXY`: addresses and CIDR ranges, separated by commas.
 * @throws InvalidValueError that names the invalid entry; `true` or a count of hops is rejected, since either would let any
 * client choose its own address
 */
export function parseTrustedProxies(list: string | undefined): TrustedProxies {
  const entries = (list ?? '').split(',').map((entry) => entry.trim())
  const ranges = entries.filter((entry) => entry !== '').map(parseRange)
  if (ranges.length === 0) return { has: () => false }
  const isInRange = memoize((address) => {
    if (isIP(address) === 0) return false
    const parsed = ipaddr.process(address)
    return ranges.some(([network, bits]) => network.kind() === parsed.kind() && parsed.match(network, bits))
  })
  return { has: (address = '') => isInRange(address) }
}

function parseRange(entry: string): [IPv4 | IPv6, number] {
  const [address = ''] = entry.split('/')
  // ipaddr.js alone also reads `1` as an address.
  if (isIP(address) !== 0) {
    if (address === entry) return [ipaddr.parse(entry), isIP(entry) === 4 ? 32 : 128]
    if (ipaddr.isValidCIDR(entry)) return ipaddr.parseCIDR(entry)
  }
  throw new InvalidValueError(`"${entry.slice(0, 64)}" is neither an address nor a CIDR range`)
}
