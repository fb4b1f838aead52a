import { decodeImageArgument } from '../bytes/base64-text.ts'
import type { InlineBlob } from '../bytes/json/inline-blob.ts'
import type { CallContext } from '../calls/types.ts'
import { serviceError } from '../errors/errors.ts'
import { createImageConverter, type PreparationClaim } from '../imaging/convert.ts'
import type { ImageHeader } from '../imaging/headers/header.ts'
import { type ImageLimits, probeImageInTurns } from '../imaging/image-probe.ts'
import { maskOfImage, maskOfRegion } from '../imaging/mask.ts'
import type { PixelWork } from '../imaging/pixel-work.ts'
import type { InputImage } from '../imaging/types.ts'
import type { EditArguments } from './arguments.ts'
import { readLocalImage } from './local-image.ts'
import type { StoredInputs } from './stored-inputs.ts'

/** The images of an edit, ready for Azure. */
export interface PreparedInputs {
  /** The image to edit, then references. */
  images: [InputImage, ...InputImage[]]
  mask: InputImage | undefined
  /** Ids of the images that are in the library, the one to edit first. */
  parents: readonly string[]
}

export interface ImageInputs {
  /** Bytes of an image, decoded. */
  readonly maxBytes: number
  /** Whether clients run on this machine and may name files on it. */
  readonly readsLocalFiles: boolean
  /** Whether clients may name stored images. */
  readonly readsLibrary: boolean
  /**
   * Reads and converts the images of a call. They exist until the scope ends.
   * @throws ServiceError `IMG_ERR_IMAGE_…`, `IMG_ERR_MASK`, `IMG_ERR_ARGUMENTS`
   */
  read(args: EditArguments, context: CallContext, scope: DisposableStack): Promise<PreparedInputs>
}

interface ProbedImage {
  bytes: Buffer
  header: ImageHeader
}

export interface ImageInputsOptions {
  pixels: PixelWork
  limits: ImageLimits
  readsLocalFiles: boolean
  /** Undefined: clients send bytes. */
  stored: StoredInputs | undefined
}

export function createImageInputs({ pixels, limits, readsLocalFiles, stored }: ImageInputsOptions): ImageInputs {
  const converter = createImageConverter(pixels)

  async function probe(bytes: Buffer, claim: PreparationClaim): Promise<ProbedImage> {
    return { bytes, header: await probeImageInTurns(bytes, limits, claim) }
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
    readsLocalFiles,
    readsLibrary: stored !== undefined,

    async read(args, context, scope) {
      checkSources(args)
      const { image_data_base64: text, image_path: path = '', mask_base64: maskText } = args
      const {
        caller: { id: caller },
        signal,
        deadlineAt,
      } = context
      const claim = { caller, signal, deadlineAt, scope }
      const decode = (argument: string | InlineBlob) => decodeImageArgument(argument, limits)

      // Every header is checked before any image is decoded, so that no work is wasted if the last one is rejected.
      const named = args.image === undefined ? undefined : await stored?.read('image', args.image, context)
      const bytes = named?.bytes ?? (text === undefined ? await readLocalImage(path, limits.maxBytes) : decode(text))
      const source = await probe(bytes, claim)
      const mask = maskText === undefined ? undefined : await probe(decode(maskText), claim)
      const references: ProbedImage[] = []
      for (const reference of args.reference_images_base64 ?? []) references.push(await probe(decode(reference), claim))

      const image = await converter.prepare(source.bytes, source.header, claim)
      const preparedMask = await createMask(mask, args, image, claim)
      const images: [InputImage, ...InputImage[]] = [image]
      for (const { bytes, header } of references) images.push(await converter.prepare(bytes, header, claim))
      return { images, mask: preparedMask, parents: named?.id === undefined ? [] : [named.id] }
    },
  }
}

function checkSources({
  image,
  image_data_base64: text,
  image_path: path,
  mask_base64: mask,
  mask_region: region,
}: EditArguments) {
  if (mask !== undefined && region !== undefined) {
    throw serviceError('IMG_ERR_ARGUMENTS', ['send mask_base64 or mask_region, not both'])
  }
  if ([image, path, text].filter((source) => source !== undefined).length !== 1) {
    throw serviceError('IMG_ERR_IMAGE_SOURCE', [])
  }
}
