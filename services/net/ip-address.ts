import { isIP } from 'node:net'
import ipaddr, { type IPv4, type IPv6 } from 'ipaddr.js'

/** Replaces every address that cannot be parsed; all clients without a readable address share one limit. */
const UNKNOWN = 'unknown'

/** A provider assigns at least this many bits to one customer: https://www.rfc-editor.org/rfc/rfc6177 */
const CUSTOMER_BITS = 64

/** The only block from which public IPv6 addresses are assigned; `::7f00:1` is a loopback address that lies outside. */
const globalUnicast = ipaddr.IPv6.parseCIDR('2000::/3')

/**
 * The one spelling of an address (RFC 5952 for IPv6), without port (Azure's Application Gateway appends it), zone and
 * `::ffff:`. Undefined and unreadable addresses become `unknown`: Node has none for a connection that was reset.
 */
export function normalizeAddress(address: string | undefined): string {
  return parse(address)?.toString() ?? UNKNOWN
}

/** The key of an address's limits: an IPv6 client controls its whole /64, so that the prefix is counted. */
export function rateLimitPrefix(address: string | undefined): string {
  const parsed = parse(address)
  if (parsed?.kind() !== 'ipv6') return parsed?.toString() ?? UNKNOWN
  return `${ipaddr.IPv6.networkAddressFromCIDR(`${parsed}/${CUSTOMER_BITS}`)}/${CUSTOMER_BITS}`
}

/** Whether a host name or address is this machine's own; IPv6 addresses with or without brackets. */
export function isLocal(hostname: string): boolean {
  if (hostname === 'localhost' || hostname.endsWith('.localhost')) return true
  const address = hostname.replace(/^\[(.*)\]$/, '$1')
  return isIP(address) !== 0 && parse(address)?.range() === 'loopback'
}

const PRIVATE_RANGES: ReadonlySet<string> = new Set(['loopback', 'private', 'linkLocal', 'uniqueLocal'])

/** Whether an address is unreachable from the internet. https://www.rfc-editor.org/rfc/rfc6890 */
export function isPrivate(address: string): boolean {
  const range = parse(address)?.range()
  return range !== undefined && PRIVATE_RANGES.has(range)
}

/**
 * Whether an IP address is reachable over the internet, and is no IPv4 address translated into IPv6 (NAT64, 6to4, Teredo).
 * https://www.iana.org/assignments/iana-ipv4-special-registry, https://www.iana.org/assignments/iana-ipv6-special-registry
 */
export function isPublic(address: string): boolean {
  const parsed = parse(address)
  if (parsed === undefined || parsed.range() !== 'unicast') return false
  return parsed.kind() === 'ipv4' || parsed.match(globalUnicast)
}

function parse(address: string | undefined): IPv4 | IPv6 | undefined {
  const [bare = ''] = withoutPort(address ?? '').split('%')
  // ipaddr.js alone also reads `10.1` and `0x7f000001`.
  return isIP(bare) === 0 ? undefined : ipaddr.process(bare)
}

function withoutPort(address: string): string {
  if (address.startsWith('[')) return address.slice(1).split(']')[0] ?? ''
  const colon = address.indexOf(':')
  return colon !== -1 && colon === address.lastIndexOf(':') ? address.slice(0, colon) : address
}
