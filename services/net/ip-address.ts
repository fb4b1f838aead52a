import { isIP } from 'node:net'

const GROUPS = 8
/** A provider gives a caller at least this many groups of an IPv6 address: https://www.rfc-editor.org/rfc/rfc6177 */
const NETWORK_GROUPS = 4

/** For what a proxy names in an address's place; whoever comes so shares one name. */
const UNKNOWN = 'unknown'

/**
 * An address in one spelling: without port (Azure's Application Gateway adds it) and zone, and an IPv4 address in IPv6
 * clothing is that IPv4 address. Node has none for a connection that is gone.
 */
export function normalizeAddress(address: string | undefined): string {
  const bare = withoutPort(address ?? '')
  if (isIP(bare) !== 6) return isIP(bare) === 4 ? bare : UNKNOWN
  const [unzoned = ''] = bare.toLowerCase().split('%')
  const dotted = unzoned.slice(unzoned.lastIndexOf(':') + 1)
  const groups = groupsOf(unzoned)
  if (!groups.slice(0, 6).every((group, at) => group === (at === 5 ? 0xffff : 0))) return unzoned
  if (isIP(dotted) === 4) return dotted
  const [high = 0, low = 0] = groups.slice(6)
  return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.')
}

/**
 * Whose address it is: of IPv6 the first 64 bits, since all that is below them is one caller's to choose from; of IPv4
 * the address itself.
 */
export function rateLimitPrefix(address: string | undefined): string {
  const plain = normalizeAddress(address)
  if (isIP(plain) !== 6) return plain
  const network = groupsOf(plain).slice(0, NETWORK_GROUPS)
  return `${network.map((group) => group.toString(16)).join(':')}::/64`
}

function withoutPort(address: string): string {
  if (address.startsWith('[')) return address.slice(1).split(']')[0] ?? ''
  const colon = address.indexOf(':')
  return colon !== -1 && colon === address.lastIndexOf(':') ? address.slice(0, colon) : address
}

/** The eight numbers of an IPv6 address; a dotted end counts as the two that it stands for, whatever they are. */
function groupsOf(address: string): number[] {
  const end = address.slice(address.lastIndexOf(':') + 1)
  const [head = '', tail] = (end.includes('.') ? `${address.slice(0, -end.length)}0:0` : address).split('::')
  const read = (half: string) => (half === '' ? [] : half.split(':').map((group) => Number.parseInt(group, 16)))
  const before = read(head)
  const after = read(tail ?? '')
  return [...before, ...Array<number>(Math.max(0, GROUPS - before.length - after.length)).fill(0), ...after]
}
