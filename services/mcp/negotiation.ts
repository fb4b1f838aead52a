import type { Call } from '../../schemas/json-rpc.ts'
import { isRecord } from '../bytes/json/is-record.ts'
import { objectOfEmptyList } from './drop-nulls.ts'
import { metaOf, methodOf } from './envelope.ts'
import { headerMismatch, missingMeta, unsupportedVersion } from './protocol-error.ts'
import { ASSUMED_VERSION, FIRST_MODERN, findRevision, legacyVersions, modernVersions } from './revisions.ts'
import type { McpHeaders, Method, Revision, VersionSigns } from './types.ts'

const VERSION_KEY = 'io.modelcontextprotocol/protocolVersion'
const CAPABILITIES_KEY = 'io.modelcontextprotocol/clientCapabilities'

/**
 * The revision of a message: the one that its `_meta` or the header names. A message that names a modern revision in
 * either place must follow the modern rules; one that names none is treated as 2025-03-26.
 * https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#protocol-version-header
 * @throws ProtocolError -32020 if header and body disagree, -32022 for an unsupported version
 */
export function negotiate(call: Pick<Call, 'method' | 'params'>, { headers, assumedVersion }: VersionSigns): Revision {
  const inBody = metaOf(call.params)[VERSION_KEY]
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

/** The handshake negotiates by its body: before it, the header is only a preference. */
function versionInHeader({ method }: Pick<Call, 'method'>, headers: McpHeaders | undefined): string | undefined {
  return method === 'initialize' ? undefined : headers?.protocolVersion
}

/** The revision whose rules apply to an error response, even if the message is wrong about its revision. */
export function revisionOf(message: unknown, signs: VersionSigns): Revision | undefined {
  const method = methodOf(message)
  if (method === undefined || !isRecord(message)) return claimedRevision(message, signs)
  try {
    return negotiate({ method, params: message.params }, signs)
  } catch {
    return claimedRevision(message, signs)
  }
}

/** A message that claims the modern era in either place gets a modern error, even if the claim is wrong. */
function claimedRevision(message: unknown, signs: VersionSigns): Revision | undefined {
  const inBody = isRecord(message) ? metaOf(message.params)[VERSION_KEY] : undefined
  const claimsModern = isModern(signs.headers?.protocolVersion) || typeof inBody === 'string'
  return claimsModern ? findRevision(FIRST_MODERN) : guessRevision(signs)
}

/** The revision of a message that could not be read, by the header. */
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
 * Checks what every modern request must carry, and returns the capabilities of its client.
 * @throws ProtocolError -32020 for headers that are missing or disagree with the body, -32602 for missing `_meta`
 */
export function checkModernRequest(
  call: Pick<Call, 'method' | 'params'>,
  method: Method | undefined,
  headers: McpHeaders | undefined,
): Record<string, unknown> {
  if (headers !== undefined) checkHeaders(call, method, headers)
  const meta = metaOf(call.params)
  const version = meta[VERSION_KEY]
  const capabilities = objectOfEmptyList(meta[CAPABILITIES_KEY])
  if (isRecord(capabilities) && version !== undefined) return capabilities
  const missing = Object.entries({ [VERSION_KEY]: version, [CAPABILITIES_KEY]: capabilities })
    .filter(([, value]) => value === undefined)
    .map(([key]) => `"${key}" is missing`)
  throw missingMeta(missing.join('; ') || `"${CAPABILITIES_KEY}" must be object`)
}

/** https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#server-validation */
function checkHeaders(
  { method, params }: Pick<Call, 'method' | 'params'>,
  definition: Method | undefined,
  headers: McpHeaders,
): void {
  if (headers.protocolVersion === undefined) throw headerMismatch('The MCP-Protocol-Version header is missing.')
  if (headers.method === undefined) throw headerMismatch('The Mcp-Method header is missing.')
  if (headers.method !== method) throw headerMismatch('The Mcp-Method header differs from the method in the body.')

  const member = definition?.nameMember
  if (member === undefined) return
  const named = isRecord(params) ? params[member] : undefined
  // The schema of the params reports a missing member.
  if (typeof named !== 'string') return
  if (headers.name === undefined) throw headerMismatch('The Mcp-Name header is missing.')
  if (decodeHeader(headers.name) !== named) {
    throw headerMismatch(`The Mcp-Name header differs from params.${member} in the body.`)
  }
}

const encodedHeader = /^=\?base64\?([A-Za-z0-9+/]*={0,2})\?=$/
const utf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * Decodes values that a header cannot carry unencoded.
 * https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#value-encoding
 */
function decodeHeader(value: string): string | undefined {
  const encoded = encodedHeader.exec(value)?.[1]
  // Anything but visible ASCII, spaces and tabs must be encoded.
  if (encoded === undefined) return /^[\x20-\x7e\t]*$/.test(value) ? value : undefined
  try {
    return utf8.decode(Buffer.from(encoded, 'base64'))
  } catch {
    return undefined
  }
}
