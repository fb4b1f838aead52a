import { isUtf8 } from 'node:buffer'
import type { BufferPool } from '../bytes/buffer-pool.ts'
import { isRecord } from '../bytes/json/is-record.ts'
import { type ParsedJson, parseBody } from '../bytes/json/parse-body.ts'
import { JsonStructureError } from '../bytes/json/string-scanner.ts'
import { methodOf } from './envelope.ts'
import { invalidRequest, parseError } from './protocol-error.ts'

/** Names under which tools take images: a line break in such a text was put there by a program that wraps lines. */
const BASE64_MEMBER = /^(?:\w*base64|(?:mask_|source_)?image(?:_data|_url)?|(?:reference_)?images|mask|data|blob)$/i

/**
 * Parses the bytes of a message. Long base64 texts among the arguments of a tool call become `InlineBlob`s, which are
 * usable until the result is disposed.
 * @throws ProtocolError -32700 for what is not JSON or not UTF-8, -32600 for what is too deep, too crowded or names a prototype
 */
export function parseMessage(body: Buffer, pool: BufferPool): ParsedJson {
  if (body.length === 0) throw parseError('The body is empty: send one JSON-RPC message.')
  checkEncoding(body)
  try {
    return parseBody(body, { pool, blobsIn: argumentsOf, isBase64: (key) => BASE64_MEMBER.test(key) })
  } catch (error) {
    if (error instanceof SyntaxError) throw parseError('The body is not valid JSON.')
    throw error instanceof JsonStructureError ? invalidRequest(error.message) : error
  }
}

const ON_WINDOWS =
  'On Windows, curl.exe sends a file that was saved as UTF-8 with --data-binary @body.json, and PowerShell 5.1 the bytes ' +
  '[Text.Encoding]::UTF8.GetBytes($json).'

/** A prompt in another encoding would reach Azure as gibberish, and be paid for. */
function checkEncoding(body: Buffer): void {
  // JSON begins with ASCII, which in UTF-16 and UTF-32 has a NUL among its first two bytes.
  const [first, second] = body
  const isWide = first === 0 || second === 0
  const hasMark = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)
  if (isWide || hasMark) throw parseError(`The body is not UTF-8 but UTF-16 or UTF-32. ${ON_WINDOWS}`)
  if (!isUtf8(body)) throw parseError(`The body is not UTF-8. ${ON_WINDOWS}`)
}

function argumentsOf(message: object): object | undefined {
  if (methodOf(message) !== 'tools/call' || !('params' in message) || !isRecord(message.params)) return undefined
  const { arguments: args } = message.params
  return isRecord(args) ? args : undefined
}
