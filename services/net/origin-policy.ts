import { BlockList, isIP } from 'node:net'
import { memoize } from './memoize.ts'

export interface OriginPolicyOptions {
  /** Address that the service listens on. */
  host: string
  allowedHosts: readonly AllowedHost[]
  allowedOrigins: readonly string[]
}

/**
 * Against DNS rebinding: a page on the internet whose name suddenly points at this machine sends its own name as Host
 * and Origin, and is rejected for it.
 * https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#security--endpoint
 */
export interface OriginPolicy {
  /** `header` is the Host header. */
  allowsHost(header: string | undefined): boolean
  /** `header` is the Origin header; callers that are no browsers send none. */
  allowsOrigin(header: string | undefined): boolean
}

export function createOriginPolicy({ host, allowedHosts, allowedOrigins }: OriginPolicyOptions): OriginPolicy {
  const origins = new Set(allowedOrigins)
  const isListed = (url: URL) => allowedHosts.some(({ hostname, port }) => matches(url, hostname, port))
  const anyHost = allowedHosts.length === 0 && !isLocal(bracketed(host))
  const isAllowed = memoize((header) => {
    const url = parseHost(header)
    return url !== undefined && (anyHost || isLocal(url.hostname) || isListed(url))
  })
  return {
    allowsHost: (header) => header !== undefined && isAllowed(header),
    allowsOrigin(header) {
      if (header === undefined || origins.has(header)) return true
      const url = URL.canParse(header) ? new URL(header) : undefined
      if (url === undefined || url.origin !== header) return false
      return isLocal(url.hostname) || isListed(url)
    },
  }
}

/** Reads `ALLOWED_HOSTS`. @throws RangeError that names the entry which is no host name */
export function parseAllowedHosts(list: string | undefined): AllowedHost[] {
  return readList(list, readHost)
}

/** Reads `ALLOWED_ORIGINS`. @throws RangeError that names the entry which is no origin */
export function parseAllowedOrigins(list: string | undefined): string[] {
  return readList(list, readOrigin)
}

export interface AllowedHost {
  hostname: string
  /** Undefined: any port. */
  port: string | undefined
}

function matches(url: URL, hostname: string, port: string | undefined): boolean {
  const standard = url.protocol === 'https:' ? '443' : '80'
  if (port !== undefined && port !== (url.port || standard)) return false
  return hostname.startsWith('*.') ? url.hostname.endsWith(hostname.slice(1)) : url.hostname === hostname
}

function readList<T>(list: string | undefined, read: (entry: string) => T): T[] {
  const entries = (list ?? '').split(',').map((entry) => entry.trim())
  return entries.filter((entry) => entry !== '').map(read)
}

function readHost(entry: string): AllowedHost {
  const wildcard = entry.startsWith('*.') ? '*.' : ''
  const url = parseHost(entry.slice(wildcard.length))
  if (url === undefined) throw new RangeError(`"${entry.slice(0, 64)}" is no host name, with or without a port`)
  return { hostname: wildcard + url.hostname, port: /:(\d+)$/.exec(entry)?.[1] }
}

function readOrigin(entry: string): string {
  const isOrigin = URL.canParse(entry) && new URL(entry).origin === entry
  if (!isOrigin) throw new RangeError(`"${entry.slice(0, 64)}" is no origin: write scheme, host and port only`)
  return entry
}

function parseHost(host: string): URL | undefined {
  if (!/^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i.test(host)) return undefined
  return URL.canParse(`http://${host}`) ? new URL(`http://${host}`) : undefined
}

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

/** Whether a name or address means this machine and nobody else; IPv6 addresses with or without brackets. */
export function isLocal(hostname: string): boolean {
  if (hostname === 'localhost' || hostname.endsWith('.localhost')) return true
  const address = hostname.replace(/^\[(.*)\]$/, '$1')
  const version = isIP(address)
  return version !== 0 && loopback.check(address, version === 4 ? 'ipv4' : 'ipv6')
}

function bracketed(address: string): string {
  return isIP(address) === 6 ? `[${address}]` : address
}
