import { isIP } from 'node:net'
import { InvalidValueError } from '../errors/app-error.ts'
import { isLocal } from './ip-address.ts'
import { memoize } from './memoize.ts'

export interface OriginPolicyOptions {
  /** Address that the service listens on. */
  host: string
  /** Values of `ALLOWED_HOSTS`; empty: any host, unless the service listens on this machine only. */
  allowedHosts: readonly AllowedHost[]
  /** Values of `ALLOWED_ORIGINS`. */
  allowedOrigins: readonly string[]
}

/**
 * Prevents DNS rebinding: a web page whose name is suddenly resolved to this machine sends its own name as Host and
 * Origin, which are rejected.
 * https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#security--endpoint
 */
export interface OriginPolicy {
  /** `header` is the Host header. */
  allowsHost(header: string | undefined): boolean
  /** `header` is the Origin header; clients other than browsers send none. */
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

/** Reads `ALLOWED_HOSTS`. @throws InvalidValueError that names the invalid entry */
export function parseAllowedHosts(list: string | undefined): AllowedHost[] {
  return readList(list, readHost)
}

/** Reads `ALLOWED_ORIGINS`. @throws InvalidValueError that names the invalid entry */
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
  if (url === undefined)
    throw new InvalidValueError(`"${entry.slice(0, 64)}" is not a host name, with or without a port`)
  return { hostname: wildcard + url.hostname, port: /:(\d+)$/.exec(entry)?.[1] }
}

function readOrigin(entry: string): string {
  const isOrigin = URL.canParse(entry) && new URL(entry).origin === entry
  if (!isOrigin)
    throw new InvalidValueError(`"${entry.slice(0, 64)}" is not an origin: write scheme, host and port only`)
  return entry
}

function parseHost(host: string): URL | undefined {
  if (!/^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i.test(host)) return undefined
  return URL.canParse(`http://${host}`) ? new URL(`http://${host}`) : undefined
}

function bracketed(address: string): string {
  return isIP(address) === 6 ? `[${address}]` : address
}
