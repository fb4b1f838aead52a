import { decodeImageArgument } from '../bytes/base64-text.ts'
import type { CallContext } from '../calls/types.ts'
import { createImageConverter, type PreparationClaim } from '../imaging/convert.ts'
import type { ImageHeader } from '../imaging/headers/header.ts'
import { type ImageLimits, probeImageInTurns } from '../imaging/image-probe.ts'
import { maskOfImage, maskOfRegion } from '../imaging/mask.ts'
import type { PixelWork } from '../imaging/pixel-work.ts'
import type { InputImage } from '../imaging/types.ts'
import type { EditArguments } from './arguments.ts'
import { checkSources, type Source, sourcesOf } from './image-sources.ts'
import { readLocalImage } from './local-image.ts'
import type { StoredInput, StoredInputs } from './stored-inputs.ts'

/** The images of an edit, ready for Azure. */
export interface PreparedInputs {
  /** The image to edit, then references. */
  images: [InputImage, ...InputImage[]]
  mask: InputImage | undefined
  /** Ids of the images that are in the library, the one to edit first. */
  parents: readonly string[]
}

export interface ImageInputs {
  /** Bytes of an image that a client sends, decoded. */
  readonly maxBytes: number
  /** Whether clients run on this machine and may name files on it. */
  readonly readsLocalFiles: boolean
  /** Whether clients may name stored images. */
  readonly readsLibrary: boolean
  /**
   * Reads and converts the images of a call. They exist until the scope ends.
   * @throws ServiceError `IMG_ERR_IMAGE_…`, `IMG_ERR_MASK`, `IMG_ERR_ARGUMENTS`, `IMG_ERR_LIBRARY_LISTING`
   */
  read(args: EditArguments, context: CallContext, scope: DisposableStack): Promise<PreparedInputs>
}

interface ProbedImage extends StoredInput {
  header: ImageHeader
}

export interface ImageInputsOptions {
  pixels: PixelWork
  limits: ImageLimits
  readsLocalFiles: boolean
  /** Undefined: clients send bytes. */
  stored: StoredInputs | undefined
}

/** Of a record. */
const MAX_PARENTS = 32

export function createImageInputs({ pixels, limits, readsLocalFiles, stored }: ImageInputsOptions): ImageInputs {
  const converter = createImageConverter(pixels)
  const features = { readsLocalFiles, readsLibrary: stored !== undefined }

  async function load({ kind, argument, value }: Source, context: CallContext): Promise<StoredInput> {
    if (kind === 'path') return { bytes: await readLocalImage(String(value), limits.maxBytes) }
    // Models also send a reference where the bytes belong; no image has such bytes.
    const isStored = kind === 'stored' || (typeof value === 'string' && stored?.isReference(value))
    if (isStored && stored !== undefined) return await stored.read(argument, String(value), context)
    return { bytes: decodeImageArgument(value, limits) }
  }

  async function probe(input: StoredInput, claim: PreparationClaim): Promise<ProbedImage> {
    // A stored image was made or accepted by this service, and Azure accepts more bytes than clients may send.
    const maxBytes = Math.max(limits.maxBytes, input.bytes.length)
    return { ...input, header: await probeImageInTurns(input.bytes, { ...limits, maxBytes }, claim) }
  }

  async function createMask(
    mask: ProbedImage | undefined,
    { mask_region: region }: EditArguments,
    image: InputImage,
    claim: PreparationClaim,
  ): Promise<InputImage | undefined> {
    if (mask !== undefined) return await maskOfImage(mask.bytes, mask.header, image, pixels, claim)
    return region && (await maskOfRegion(region, image, pixels, claim))
  }

  return {
    maxBytes: limits.maxBytes,
    ...features,

    async read(args, context, scope) {
      const source = checkSources(args, features)
      const { caller, signal, deadlineAt } = context
      const claim = { caller: caller.id, signal, deadlineAt, scope }
      const loadAndProbe = async (each: Source) => await probe(await load(each, context), claim)

      // Every header is checked before any image is decoded, so that no work is wasted if the last one is rejected.
      const original = await loadAndProbe(source)
      const [maskSource] = sourcesOf(args, 'mask_image', 'mask_base64')
      const mask = maskSource && (await loadAndProbe(maskSource))
      const references: ProbedImage[] = []
      for (const each of sourcesOf(args, 'reference_images', 'reference_images_base64')) {
        references.push(await loadAndProbe(each))
      }

      const image = await converter.prepare(original.bytes, original.header, claim)
      const preparedMask = await createMask(mask, args, image, claim)
      const images: [InputImage, ...InputImage[]] = [image]
      for (const { bytes, header } of references) images.push(await converter.prepare(bytes, header, claim))
      const parents = new Set([original, ...references].flatMap(({ id }) => id ?? []))
      return { images, mask: preparedMask, parents: [...parents].slice(0, MAX_PARENTS) }
    },
  }
}
