import { serviceError } from '../../errors/errors.ts'
import { type ImageLimits, probeHead } from '../../imaging/image-probe.ts'
import type { NewImage } from '../add-images.ts'

/** Metadata that a file may have before its size. */
const MAX_HEAD_BYTES = 1_048_576

/** The body of an upload. */
export interface IncomingBody {
  /** Of `Content-Length`. */
  bytes: number
  /** Fails if the client disconnects. */
  chunks: AsyncIterable<Buffer>
}

/**
 * Reads the beginning of an image that arrives, and checks format and size. The rest passes through while it is written, so
 * that its bytes are never in memory together.
 * @throws ServiceError `IMG_ERR_IMAGE_EMPTY`, `_BYTES`, `_TYPE`, `_BROKEN`, `_PIXELS`, `_EDGE`, `_SHAPE`, `IMG_ERR_UPLOAD_BROKEN_OFF`
 */
export async function readIncomingImage({ bytes, chunks }: IncomingBody, limits: ImageLimits): Promise<NewImage> {
  if (bytes > limits.maxBytes) throw serviceError('IMG_ERR_IMAGE_BYTES', [limits.maxBytes])
  const iterator = chunks[Symbol.asyncIterator]()
  let head: Buffer = Buffer.alloc(0)
  for (;;) {
    const next = await iterator.next().catch(brokenOff)
    if (next.done !== true) head = head.length === 0 ? next.value : Buffer.concat([head, next.value])
    const isWhole = next.done === true || head.length >= bytes
    const facts = probeHead(head, isWhole || head.length >= MAX_HEAD_BYTES, limits)
    if (facts === undefined) continue
    let isRead = false
    return {
      ...facts,
      bytes,
      async *decoded() {
        // The client sends its file once.
        if (isRead) throw serviceError('IMG_ERR_UPLOAD_BROKEN_OFF', [])
        isRead = true
        yield* wholeBody(head, iterator, bytes)
      },
    }
  }
}

/** The chunks, if they are as many bytes as announced. */
async function* wholeBody(head: Buffer, rest: AsyncIterator<Buffer>, announced: number): AsyncGenerator<Buffer> {
  let total = head.length
  yield head
  for (let next = await rest.next().catch(brokenOff); next.done !== true; next = await rest.next().catch(brokenOff)) {
    total += next.value.length
    yield next.value
  }
  if (total !== announced) throw serviceError('IMG_ERR_UPLOAD_BROKEN_OFF', [])
}

function brokenOff(cause: unknown): never {
  throw serviceError('IMG_ERR_UPLOAD_BROKEN_OFF', [], { cause })
}
