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
  allowedOrigins: readonly AllowedOrigin[]
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
  const isListed = (url: URL) => allowedHosts.some(({ hostname, port }) => matches(url, hostname, port))
  const anyHost = allowedHosts.length === 0 && !isLocal(bracketed(host))
  const isAllowed = memoize((header) => {
    const url = parseHost(header)
    return url !== undefined && (anyHost || isLocal(url.hostname) || isListed(url))
  })
  const isAllowedOrigin = memoize((header) => {
    const origin = parseOrigin(header)
    if (origin === undefined) return false
    if (allowedOrigins.some((allowed) => isSameOrigin(origin, allowed))) return true
    const url = new URL(header)
    // Browsers send the one spelling of an origin.
    return url.origin === header && (isLocal(url.hostname) || isListed(url))
  })
  return {
    allowsHost: (header) => header !== undefined && isAllowed(header),
    allowsOrigin: (header) => header === undefined || isAllowedOrigin(header),
  }
}

/** Reads `ALLOWED_HOSTS`. @throws InvalidValueError that names the invalid entry */
export function parseAllowedHosts(list: string | undefined): AllowedHost[] {
  return readList(list, readHost)
}

/** Reads `ALLOWED_ORIGINS`. @throws InvalidValueError that names the invalid entry */
export function parseAllowedOrigins(list: string | undefined): AllowedOrigin[] {
  return readList(list, readOrigin)
}

export interface AllowedHost {
  hostname: string
  /** Undefined: any port. */
  port: string | undefined
}

/** An origin; its host may begin with `*.`, which matches subdomains. */
export interface AllowedOrigin {
  /** With its colon. */
  scheme: string
  hostname: string
  /** Empty: the scheme's own. */
  port: string
}

function matches(url: URL, hostname: string, port: string | undefined): boolean {
  const standard = url.protocol === 'https:' ? '443' : '80'
  if (port !== undefined && port !== (url.port || standard)) return false
  return isWithin(withoutRoot(url.hostname), hostname)
}

/** The dot of the DNS root at the end of a name, which saves look-ups in a cluster, does not make it another name. */
function withoutRoot(hostname: string): string {
  return hostname.replace(/\.$/, '')
}

function isSameOrigin(origin: AllowedOrigin, allowed: AllowedOrigin): boolean {
  return origin.scheme === allowed.scheme && origin.port === allowed.port && isWithin(origin.hostname, allowed.hostname)
}

function isWithin(hostname: string, pattern: string): boolean {
  return pattern.startsWith('*.') ? hostname.endsWith(pattern.slice(1)) : hostname === pattern
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
  return { hostname: wildcard + withoutRoot(url.hostname), port: /:(\d+)$/.exec(entry)?.[1] }
}

function readOrigin(entry: string): AllowedOrigin {
  const origin = parseOrigin(entry.replace('://*.', '://'))
  if (origin === undefined) {
    throw new InvalidValueError(`"${entry.slice(0, 64)}" is not an origin: write scheme://host, with or without :port`)
  }
  const wildcard = entry.includes('://*.') ? '*.' : ''
  return { ...origin, hostname: wildcard + origin.hostname }
}

/**
 * Schemes of browser extensions and desktop apps have no rules for hosts and ports of their own, so that theirs are
 * compared as they are. https://html.spec.whatwg.org/multipage/browsers.html#ascii-serialisation-of-an-origin
 */
function parseOrigin(origin: string): AllowedOrigin | undefined {
  const [, scheme, host] = /^([a-z][a-z\d+.-]*:)\/\/([^/?#@\\]+)$/i.exec(origin) ?? []
  if (scheme === undefined || host === undefined || scheme.toLowerCase() === 'file:') return undefined
  const isWeb = /^https?:$/i.test(scheme)
  const url = parseUrl(`${isWeb ? scheme : 'http:'}//${host}`)
  if (url === undefined || !HOSTNAME.test(url.hostname)) return undefined
  const port = isWeb ? url.port : (/:(\d+)$/.exec(host)?.[1] ?? '')
  return { scheme: scheme.toLowerCase(), hostname: url.hostname, port }
}

const HOSTNAME = /^(?:[\w.-]+|\[[\da-f:.]+\])$/i

function parseHost(host: string): URL | undefined {
  if (!/^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i.test(host)) return undefined
  return parseUrl(`http://${host}`)
}

function parseUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined
}

function bracketed(address: string): string {
  return isIP(address) === 6 ? `[${address}]` : address
}
