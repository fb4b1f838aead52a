import { BlockList, isIP } from 'node:net'
import { isLocal } from './origin-policy.ts'

/** Loopback, private and link-local ranges. https://www.rfc-editor.org/rfc/rfc6890 */
const ranges = new BlockList()
for (const [network, prefix] of [
  ['127.0.0.0', 8],
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['169.254.0.0', 16],
] as const) {
  ranges.addSubnet(network, prefix, 'ipv4')
}
ranges.addSubnet('::1', 128, 'ipv6')
ranges.addSubnet('fc00::', 7, 'ipv6')
ranges.addSubnet('fe80::', 10, 'ipv6')

/** Whether an address belongs to this machine or to a network that the internet does not reach. */
export function isPrivateAddress(address: string): boolean {
  const plain = address.toLowerCase().startsWith('::ffff:') && isIP(address.slice(7)) === 4 ? address.slice(7) : address
  const version = isIP(plain)
  return version !== 0 && ranges.check(plain, version === 4 ? 'ipv4' : 'ipv6')
}

/** Whether an address may be asked for what we then rely on: over TLS, or on this machine. */
export function isFetchable(address: string): boolean {
  if (!URL.canParse(address)) return false
  const { protocol, hostname } = new URL(address)
  return protocol === 'https:' || (protocol === 'http:' && isLocal(hostname))
}
