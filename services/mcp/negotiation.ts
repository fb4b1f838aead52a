import { Compile } from 'typebox/compile'
import type { Call } from '../../schemas/json-rpc.ts'
import { ModernMetaSchema } from '../../schemas/mcp.ts'
import type { Method } from './method.ts'
import { headerMismatch, missingMeta, unsupportedVersion } from './protocol-error.ts'
import {
  ASSUMED_VERSION,
  FIRST_MODERN,
  findRevision,
  legacyVersions,
  modernVersions,
  type Revision,
} from './revisions.ts'
import { describeErrors } from './validation-message.ts'

/** The headers that MCP puts beside a message; absent on transports that have none. */
export interface McpHeaders {
  protocolVersion: string | undefined
  method: string | undefined
  name: string | undefined
}

/** What there is beside a message to tell its revision. */
export interface VersionSigns {
  headers?: McpHeaders
  assumedVersion?: string | undefined
}

const VERSION_KEY = 'io.modelcontextprotocol/protocolVersion'
const CAPABILITIES_KEY = 'io.modelcontextprotocol/clientCapabilities'

/**
 * Which revision a message is to be judged by: the one that its `_meta` or the header names. A message that names a
 * modern one in either place is held to the modern rules; one that names none is taken for 2025-03-26.
 * https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#protocol-version-header
 * @throws ProtocolError -32020 if header and body disagree, -32022 if we do not speak the version
 */
export function negotiate(call: Call, { headers, assumedVersion }: VersionSigns): Revision {
  const inBody = readMeta(call.params)[VERSION_KEY]
  const inHeader = versionInHeader(call, headers)
  if (typeof inBody !== 'string' && !isModern(inHeader)) return legacyRevision(inHeader ?? assumedVersion)

  if (typeof inBody === 'string' && inHeader !== undefined && inBody !== inHeader) {
    throw headerMismatch('The MCP-Protocol-Version header and the protocol version in params._meta differ.')
  }
  const version = typeof inBody === 'string' ? inBody : (inHeader ?? '')
  const revision = findRevision(version)
  if (revision === undefined || revision.era === 'legacy') throw unsupportedVersion(version, modernVersions)
  return revision
}

/** The handshake negotiates by its body: the header counts afterwards, and before it only says what a client would like. */
function versionInHeader({ method }: Call, headers: McpHeaders | undefined): string | undefined {
  return method === 'initialize' ? undefined : headers?.protocolVersion
}

/**
 * The revision by whose rules a rejected message is told so. One that claims the modern era in either place is answered
 * in its way, even if the claim is what is wrong.
 */
export function claimedRevision(message: unknown, signs: VersionSigns): Revision | undefined {
  const inBody = isRecord(message) ? readMeta(message.params)[VERSION_KEY] : undefined
  const claimsModern = isModern(signs.headers?.protocolVersion) || typeof inBody === 'string'
  return claimsModern ? findRevision(FIRST_MODERN) : guessRevision(signs)
}

/** The revision of a message that could not be read, as far as the header tells. */
export function guessRevision({ headers, assumedVersion }: VersionSigns): Revision | undefined {
  return findRevision(headers?.protocolVersion ?? assumedVersion ?? ASSUMED_VERSION)
}

function legacyRevision(version: string = ASSUMED_VERSION): Revision {
  const revision = findRevision(version)
  if (revision === undefined) throw unsupportedVersion(version, [...modernVersions, ...legacyVersions])
  return revision
}

function isModern(version: string | undefined): boolean {
  return version !== undefined && /^\d{4}-\d\d-\d\d$/.test(version) && version >= FIRST_MODERN
}

/**
 * Holds a modern request to what every one must carry, and returns what its client can do.
 * @throws ProtocolError -32020 for headers that are missing or disagree with the body, -32602 for missing `_meta`
 */
export function checkModernRequest(
  call: Call,
  method: Method | undefined,
  headers: McpHeaders | undefined,
): Record<string, unknown> {
  if (headers !== undefined) checkHeaders(call, method, headers)
  const meta = readMeta(call.params)
  if (!modernMeta.Check(meta)) throw missingMeta(describeErrors(modernMeta.Errors(meta)))
  return meta[CAPABILITIES_KEY]
}

const modernMeta = Compile(ModernMetaSchema)

/** https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#server-validation */
function checkHeaders({ method, params }: Call, definition: Method | undefined, headers: McpHeaders): void {
  if (headers.protocolVersion === undefined) throw headerMismatch('The MCP-Protocol-Version header is missing.')
  if (headers.method === undefined) throw headerMismatch('The Mcp-Method header is missing.')
  if (headers.method !== method) throw headerMismatch('The Mcp-Method header differs from the method in the body.')

  const member = definition?.nameMember
  if (member === undefined) return
  const named = isRecord(params) ? params[member] : undefined
  // A body without the member is not a matter of headers; its schema will say what is missing.
  if (typeof named !== 'string') return
  if (headers.name === undefined) throw headerMismatch('The Mcp-Name header is missing.')
  if (decodeHeader(headers.name) !== named) {
    throw headerMismatch(`The Mcp-Name header differs from params.${member} in the body.`)
  }
}

const encodedHeader = /^=\?base64\?([A-Za-z0-9+/]*={0,2})\?=$/
const utf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * Undoes the encoding of values that a header cannot carry as they are.
 * https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#value-encoding
 */
function decodeHeader(value: string): string | undefined {
  const encoded = encodedHeader.exec(value)?.[1]
  // Anything but visible ASCII, spaces and tabs must come encoded.
  if (encoded === undefined) return /^[\x20-\x7e\t]*$/.test(value) ? value : undefined
  try {
    return utf8.decode(Buffer.from(encoded, 'base64'))
  } catch {
    return undefined
  }
}

function readMeta(params: unknown): Record<string, unknown> {
  const meta = isRecord(params) ? params._meta : undefined
  return isRecord(meta) ? meta : {}
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
