import { isUtf8 } from 'node:buffer'
import type { BufferPool } from '../../services/bytes/buffer-pool.ts'
import { type ParsedJson, parseBody } from '../../services/bytes/json/parse-body.ts'
import { JsonStructureError } from '../../services/bytes/json/string-scanner.ts'
import { Rejection } from '../../services/errors/rejection.ts'

/** Members that are images: a line break in such a text was put there by a program that wraps lines. */
const BASE64_MEMBER = /^(?:image(?:_url)?|mask|b64_json)$/

/**
 * Parses the JSON of a request. Long base64 texts in it become `InlineBlob`s, which are usable until the result is disposed.
 * @throws Rejection 400 for what is not JSON or not UTF-8
 */
export function parseRequest(body: Buffer, pool: BufferPool): ParsedJson {
  if (!isUtf8(body)) throw new Rejection(400, 'The body is not UTF-8.')
  try {
    return parseBody(body, { pool, blobsIn: (request) => request, isBase64: (key) => BASE64_MEMBER.test(key) })
  } catch (error) {
    if (error instanceof SyntaxError) throw new Rejection(400, 'The body is not valid JSON.', { cause: error })
    throw error instanceof JsonStructureError ? new Rejection(400, error.message) : error
  }
}
