import { setImmediate as nextTurn } from 'node:timers/promises'
import { type Base64Image, bufferImage } from '../bytes/base64-image.ts'
import type { BufferSpool } from '../bytes/spooled-buffer.ts'
import type { CallContext } from '../calls/types.ts'
import { ServiceError, serviceError } from '../errors/errors.ts'
import { type CompositeOptions, composeImage, type Keep } from '../imaging/composite.ts'
import { decodeFile } from '../imaging/preview.ts'
import { formatSize, isSameSize } from '../imaging/size.ts'
import type { Size } from '../imaging/types.ts'
import { isSameShape } from '../parameters/size-fitting.ts'
import type { LogFailure, SavedOutput } from './result-saver.ts'

export interface ComposerOptions extends CompositeOptions {
  /** Buffers composites, which may be large. */
  spool: BufferSpool
}

/** What became of one image of Azure's. */
export interface Composed {
  /** Undefined: it could not be composed. */
  composite?: Base64Image
  /** What the client is told instead. */
  failure?: ServiceError
}

/** Milliseconds that composing all images may take, also if Azure's response came late: the image is paid for. */
const MIN_COMPOSE_MS = 60_000
/** Encoded without a pause. */
const CHUNK_BYTES = 1_048_576

/** Puts what is to be kept of the original into the images that were paid for. Never rejects. */
export async function composeAll(
  images: readonly Base64Image[],
  keep: Keep,
  options: ComposerOptions,
  { caller, deadlineAt }: CallContext,
  log: LogFailure,
): Promise<Composed[]> {
  const composed: Composed[] = []
  // No signal: a client that disconnects may still fetch the paid result.
  const claim = { caller: caller.id, deadlineAt: Math.max(deadlineAt, performance.now() + MIN_COMPOSE_MS) }
  for (const image of images) {
    try {
      const png = await composeImage(await decodeFile(image), keep, options, claim)
      const { width, height } = keep.header
      const facts = { mimeType: 'image/png', width, height, hasCredentials: false } as const
      composed.push({ composite: await bufferImage(chunksOf(png), () => facts, options.spool) })
    } catch (error) {
      log(error, 'composing a paid image failed')
      const isBusy = error instanceof ServiceError && error.code === 'IMG_ERR_AZURE_NOT_SENT'
      composed.push({ failure: serviceError('IMG_ERR_COMPOSITE', [isBusy], { cause: error }) })
    }
  }
  return composed
}

async function* chunksOf(png: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < png.length; at += CHUNK_BYTES) {
    yield png.subarray(at, at + CHUNK_BYTES)
    await nextTurn()
  }
}

/**
 * What a result says of a composite of Azure's image.
 * @param feather of the mask
 */
export function compositeNotes(
  composite: Size,
  { image: azure, record, failure }: SavedOutput,
  feather: number,
): string[] {
  const azureId = record?.id
  const missing = failure === undefined ? '' : " Azure's whole image is not in the library."
  const whole = azureId === undefined ? missing : ` Azure's whole image: ${azureId}.`
  const others = azureId !== undefined && azure.hasCredentials === true ? `; ${azureId} has those of Azure` : ''
  const how = isSameShape(azure, composite) ? 'scaled' : 'stretched'
  return [
    `Outside the mask${feather > 0 ? ' and its soft edge' : ''} every pixel is that of the original.${whole}`,
    ...(isSameSize(azure, composite)
      ? []
      : [`Size: ${formatSize(composite)}, as the original; Azure's image of ${formatSize(azure)} was ${how} to it.`]),
    ...(azure.mimeType === 'image/png' ? [] : ['The image is a PNG, because other formats would change these pixels.']),
    `Content Credentials: none, because the image was composed here${others}.`,
  ]
}
