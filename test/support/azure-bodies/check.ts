import { azureError } from '../../../services/azure/azure-error.ts'
import { ErrorBodyCollector, parseFault } from '../../../services/azure/error-body.ts'
import { openResponse } from '../../../services/azure/image-response.ts'
import { isAzureCode, retryRule } from '../../../services/azure/retry-policy.ts'
import type { BufferSpool } from '../../../services/bytes/spooled-buffer.ts'
import { isBilled, ServiceError } from '../../../services/errors/errors.ts'
import { type ErrorBody, emptyBody, errorBody } from './errors.ts'
import { type ImageBody, imageDocument, imageStream, truncatedDocument } from './images.ts'
import { CANARY, Random } from './random.ts'

export type Body = { kind: 'images'; body: ImageBody } | { kind: 'error' | 'empty'; body: ErrorBody }

/** The body with this number; the same for the same seed. */
export function makeBody(seed: number, index: number): Body {
  const random = new Random(Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b))
  const choice = random.next()
  if (choice < 0.25) return { kind: 'images', body: imageDocument(random) }
  if (choice < 0.45) return { kind: 'images', body: imageStream(random) }
  if (choice < 0.55) return { kind: 'images', body: truncatedDocument(random) }
  if (choice < 0.65) return { kind: 'empty', body: emptyBody(random) }
  return { kind: 'error', body: errorBody(random) }
}

/** Has the service's own reader read the body. @returns what is wrong, if anything */
export async function checkBody(made: Body, spool: BufferSpool): Promise<string | undefined> {
  const problem = made.kind === 'error' ? checkFailure(made.body, readError(made.body)) : await readSuccess(made, spool)
  if (problem === undefined && spool.used > 0) return 'memory was not freed'
  return problem
}

function readError({ status, chunks }: ErrorBody): unknown {
  const collector = new ErrorBodyCollector()
  for (const chunk of chunks) collector.write(chunk)
  const context = { operation: 'edit', deployment: 'my-deployment', secrets: [`${CANARY} a boat at dawn`] } as const
  return azureError(status, {}, parseFault(collector.body()), context)
}

async function readSuccess(made: Body, spool: BufferSpool): Promise<string | undefined> {
  const { chunks } = made.body
  const expected = made.kind === 'images' ? made.body.images : []
  const contentType = 'contentType' in made.body ? made.body.contentType : ''
  const options = { spool, maxBytes: 5_000_000, onPartialImage: () => undefined }
  const reading = openResponse({ 'content-type': contentType }, options)
  const images: string[] = []
  try {
    for (const chunk of chunks) await reading.write(chunk)
    const { parts } = await reading.finish()
    for (const part of parts) {
      if (!('image' in part)) continue
      const read: Buffer[] = []
      for await (const chunk of part.image.chunks()) read.push(chunk)
      images.push(Buffer.concat(read).toString('latin1'))
      await part.image[Symbol.asyncDispose]()
    }
  } catch (error) {
    await reading.abort()
    if (made.kind === 'empty') return checkFailure(made.body, error)
    if (expected.length > 0) return `${expected.length} images are lost: ${String(error)}`
    return error instanceof ServiceError ? undefined : `an internal error: ${String(error)}`
  }
  const isSame = images.length === expected.length && images.every((image, at) => image === expected[at])
  return isSame ? undefined : `${images.length} images instead of ${expected.length}, or other ones`
}

function checkFailure({ verdict, status }: ErrorBody, failure: unknown): string | undefined {
  if (!(failure instanceof ServiceError)) return `an internal error: ${String(failure)}`
  const { code, message, detail } = failure
  if (!verdict.codes.includes(code)) return `${code} instead of ${verdict.codes.join(' or ')}`
  if (!isAzureCode(code)) return `${code} is no error of Azure`
  const { action } = retryRule(code)
  if (action !== verdict.action) return `${action} instead of ${verdict.action}`
  const isSure = status !== 200 || verdict.codes.length === 1
  if (isSure && isBilled(code) !== verdict.mayBeBilled) return `${code} is wrong about the bill`
  if (message.includes(CANARY)) return 'the message contains text of Azure'
  return JSON.stringify(detail ?? {}).includes(CANARY) ? 'the log contains text of Azure' : undefined
}

/** The check of many bodies; ends with the first that is not as it must be. */
export async function checkBodies(
  seed: number,
  count: number,
  spool: BufferSpool,
  onBody: (body: Body) => void = () => {},
): Promise<string | undefined> {
  for (let index = 0; index < count; index++) {
    const made = makeBody(seed, index)
    onBody(made)
    const problem = await checkBody(made, spool).catch((error: unknown) => `it threw ${String(error)}`)
    if (problem !== undefined) {
      return `seed ${seed}, body ${index} (${made.body.name}): ${problem}\n${made.body.text.slice(0, 1_500)}`
    }
  }
  return undefined
}
