import { serviceError } from '../../errors/errors.ts'
import { type ImageLimits, probeHead } from '../../imaging/image-probe.ts'
import { checkMaskFile } from '../../imaging/mask.ts'
import type { NewImage } from '../add-images.ts'
import type { UploadTicket } from './upload-tokens.ts'

/** Most images declare format, size and transparency within it. */
const HEAD_BYTES = 65_536
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
 * @throws ServiceError `IMG_ERR_UPLOAD_EMPTY`, `IMG_ERR_MASK`, `IMG_ERR_IMAGE_BYTES`, `_TYPE`, `_BROKEN`, `_PIXELS`, `_EDGE`, `_SHAPE`, `IMG_ERR_UPLOAD_BROKEN_OFF`
 */
export async function readIncomingImage(
  { bytes, chunks }: IncomingBody,
  purpose: UploadTicket['purpose'],
  limits: ImageLimits,
): Promise<NewImage> {
  if (bytes > limits.maxBytes) throw serviceError('IMG_ERR_IMAGE_BYTES', [limits.maxBytes])
  if (bytes === 0) throw serviceError('IMG_ERR_UPLOAD_EMPTY', [])
  const iterator = chunks[Symbol.asyncIterator]()
  const arrived: Buffer[] = []
  let length = 0
  let needed = HEAD_BYTES
  for (;;) {
    const next = await iterator.next().catch(brokenOff)
    if (next.done !== true) {
      arrived.push(next.value)
      length += next.value.length
    }
    const isWhole = next.done === true || length >= bytes
    if (!isWhole && length < needed) continue
    const head = Buffer.concat(arrived)
    const header = probeHead(head, isWhole ? 'whole' : length < MAX_HEAD_BYTES ? 'part' : 'enough', limits)
    needed = length * 2
    if (header === undefined) continue
    if (purpose === 'mask') checkMaskFile(header, { length: bytes })
    const { mimeType, width, height } = header
    let isRead = false
    return {
      mimeType,
      width,
      height,
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
    free(next.value)
  }
  if (total !== announced) throw serviceError('IMG_ERR_UPLOAD_BROKEN_OFF', [])
}

/** Returns the memory of a chunk that has been written. The garbage collector would leave megabytes of each upload. */
function free({ buffer, byteLength }: Buffer): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0)
}

function brokenOff(cause: unknown): never {
  throw serviceError('IMG_ERR_UPLOAD_BROKEN_OFF', [], { cause })
}
