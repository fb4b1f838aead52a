import { isLocal } from './ip-address.ts'

/** Whether a response of this URL can be trusted: https, or http on this machine. */
export function isSecureUrl(address: string): boolean {
  if (!URL.canParse(address)) return false
  const { protocol, hostname } = new URL(address)
  return protocol === 'https:' || (protocol === 'http:' && isLocal(hostname))
}
