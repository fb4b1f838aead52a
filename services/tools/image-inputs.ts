import { decodeImageArgument } from '../bytes/base64-text.ts'
import type { CallContext } from '../calls/types.ts'
import { serviceError } from '../errors/errors.ts'
import { checkComposable, checkFeather, type Keep } from '../imaging/composite.ts'
import { createImageConverter, type PreparationClaim } from '../imaging/convert.ts'
import type { ImageHeader } from '../imaging/headers/header.ts'
import { type ImageLimits, probeHead, probeImage, probeImageInTurns } from '../imaging/image-probe.ts'
import { maskOfImage, maskOfRegion } from '../imaging/mask.ts'
import { checkPaints, maskOfStrokes } from '../imaging/painted-mask.ts'
import type { PixelWork } from '../imaging/pixel-work.ts'
import { checkStrokes } from '../imaging/stroke-shapes.ts'
import type { InputImage, Size } from '../imaging/types.ts'
import type { EditArguments } from './arguments.ts'
import { checkSources, maskNames, type Source, sourcesOf } from './image-sources.ts'
import { readLocalImage } from './local-image.ts'
import type { StoredInput, StoredInputs } from './stored-inputs.ts'

/** The images of an edit, ready for Azure. */
export interface PreparedInputs {
  /** The image to edit, then references. */
  images: [InputImage, ...InputImage[]]
  mask: InputImage | undefined
  /** What the result keeps of the image to edit; undefined: nothing has to stay. */
  keep: Keep | undefined
  /** Ids of the images that are in the library, the one to edit first. */
  parents: readonly string[]
}

/** The sizes of the images of an edit, the edited one first. */
export interface MeasuredInputs {
  images: [Size, ...Size[]]
  hasMask: boolean
}

export interface ImageInputs {
  /** Bytes of an image that a client sends, decoded. */
  readonly maxBytes: number
  /** Whether clients run on this machine and may name files on it. */
  readonly readsLocalFiles: boolean
  /** Whether clients may name stored images. */
  readonly readsLibrary: boolean
  /** The arguments with an id in the place of every "last". @throws ServiceError as `read` */
  resolve(args: EditArguments, context: CallContext): Promise<Record<string, unknown>>
  /**
   * What the headers of sent images and the records of stored ones say. Damage behind a header goes unnoticed.
   * @throws ServiceError as `read`
   */
  measure(args: EditArguments, context: CallContext): Promise<MeasuredInputs>
  /**
   * Reads and converts the images of a call. They exist until the scope ends.
   * @param takesMask whether the model does; strokes are checked even if not
   * @throws ServiceError `IMG_ERR_IMAGE_CHANGED` if one has more pixels than when these arguments were measured, `IMG_ERR_IMAGE_…`, `IMG_ERR_MASK`, `IMG_ERR_ARGUMENTS`, `IMG_ERR_LIBRARY_LISTING`
   */
  read(args: EditArguments, context: CallContext, scope: DisposableStack, takesMask: boolean): Promise<PreparedInputs>
  /**
   * The arguments with a stored image in the place of each one that the client sent, so that they have no bytes.
   * @throws ServiceError as `read`, and `IMG_ERR_STORE_…`
   */
  store(args: EditArguments, context: CallContext): Promise<EditArguments>
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

/** Arguments that may name a stored image, those for bytes included. */
const referenceNames = [
  'image',
  'mask_image',
  'reference_images',
  'image_data_base64',
  'mask_base64',
  'reference_images_base64',
] as const
/** Where most images have their size. */
const HEAD_BYTES = 65_536
/** Of a record. */
const MAX_PARENTS = 32

export function createImageInputs({ pixels, limits, readsLocalFiles, stored }: ImageInputsOptions): ImageInputs {
  const converter = createImageConverter(pixels)
  const features = { readsLocalFiles, readsLibrary: stored !== undefined }
  /** Pixels of the images of a call's arguments as they were measured for its price. */
  const measured = new WeakMap<EditArguments, readonly number[]>()

  /** Models also send a reference where the bytes belong; no image has such bytes. */
  function isReference({ kind, value }: Source): boolean {
    return kind === 'stored' || (kind === 'bytes' && typeof value === 'string' && stored?.isReference(value) === true)
  }

  async function load(source: Source, context: CallContext): Promise<StoredInput> {
    const { kind, argument, value } = source
    if (kind === 'path') return { bytes: await readLocalImage(String(value), limits.maxBytes) }
    if (isReference(source) && stored !== undefined) return await stored.read(argument, String(value), context)
    return { bytes: decodeImageArgument(value, limits) }
  }

  async function measureOne(source: Source, context: CallContext): Promise<Size> {
    const { kind, argument, value } = source
    if (kind === 'path') return probeFile(await readLocalImage(String(value), limits.maxBytes))
    if (isReference(source) && stored !== undefined) return await stored.sizeOf(argument, String(value), context)
    return probeFile(decodeImageArgument(value, limits))
  }

  /** A JPEG has its size behind its metadata, which may be long. */
  function probeFile(bytes: Buffer): Size {
    if (bytes.length > HEAD_BYTES) {
      const header = probeHead(bytes.subarray(0, HEAD_BYTES), 'part', limits)
      if (header !== undefined) return header
    }
    return probeHead(bytes, 'enough', limits) ?? probeImage(bytes, limits)
  }

  async function probe(input: StoredInput, claim: PreparationClaim): Promise<ProbedImage> {
    // A stored image was made or accepted by this service, and Azure accepts more bytes than clients may send.
    const maxBytes = Math.max(limits.maxBytes, input.bytes.length)
    return { ...input, header: await probeImageInTurns(input.bytes, { ...limits, maxBytes }, claim) }
  }

  async function createMask(
    mask: ProbedImage | undefined,
    { mask_region: region, mask_strokes }: EditArguments,
    image: InputImage,
    takesMask: boolean,
    claim: PreparationClaim,
  ): Promise<InputImage | undefined> {
    if (mask !== undefined) return await maskOfImage(mask.bytes, mask.header, image, pixels, claim)
    if (region !== undefined) return await maskOfRegion(region, image, pixels, claim)
    if (mask_strokes === undefined) return undefined
    const strokes = checkStrokes(mask_strokes)
    if (takesMask) return await maskOfStrokes(strokes, image, pixels, claim)
    await checkPaints(strokes, image, pixels, claim)
    return undefined
  }

  /** What is kept of an image whose mask is prepared. */
  function keepOf(
    { bytes, header }: ProbedImage,
    { mask_strokes: strokes, mask_region: region, mask_feather: feather = 0 }: EditArguments,
    mask: InputImage | undefined,
  ): Keep {
    const kept = { bytes, header, feather }
    if (strokes !== undefined) return { ...kept, mask: checkStrokes(strokes) }
    if (region === undefined) return { ...kept, mask: mask?.bytes ?? checkStrokes([]) }
    const { x, y, width, height } = region
    return { ...kept, mask: checkStrokes([{ mode: 'add_rectangle', points: [x, y, x + width, y + height] }]) }
  }

  /** The reference to an image that is in the library, or comes there now. */
  async function referenceTo(source: Source, context: CallContext): Promise<string> {
    if (stored === undefined) throw new Error('images are stored only with the library')
    const { argument, value } = source
    if (isReference(source)) return await stored.pin(argument, String(value), context)
    const { bytes } = await load(source, context)
    const { signal, deadlineAt, caller } = context
    const header = await probeImageInTurns(bytes, limits, { caller: caller.id, signal, deadlineAt })
    return await stored.add(bytes, header, context)
  }

  /** A file that is no record may be replaced at any time. */
  function checkUnchanged(args: EditArguments, images: readonly ProbedImage[]): void {
    const known = measured.get(args)
    const hasGrown = images.some(({ header }, at) => pixelsOf(header) > (known?.[at] ?? Number.POSITIVE_INFINITY))
    if (hasGrown) throw serviceError('IMG_ERR_IMAGE_CHANGED', [])
  }

  /** The images that the arguments name. @throws ServiceError as `checkSources` */
  function chosenSources(args: EditArguments) {
    const original = checkSources(args, features)
    const [mask] = sourcesOf(args, 'mask_image', 'mask_base64')
    return { original, mask, references: sourcesOf(args, 'reference_images', 'reference_images_base64') }
  }

  return {
    maxBytes: limits.maxBytes,
    ...features,

    async resolve(args, context) {
      let id: Promise<string> | undefined
      const settle = async (name: string, value: unknown) => {
        if (typeof value !== 'string' || stored?.isReference(value) !== true || !stored.isLast(value)) return value
        id ??= stored.pin(name, value, context)
        return await id
      }
      const changed: Record<string, unknown> = { ...args }
      for (const name of referenceNames) {
        const value = args[name]
        if (Array.isArray(value)) changed[name] = await Promise.all(value.map((each) => settle(name, each)))
        else if (value !== undefined) changed[name] = await settle(name, value)
      }
      return changed
    },

    async store(args, context) {
      const sources = chosenSources(args)
      const { image_path: _, image_data_base64: __, mask_base64: ___, reference_images_base64: ____, ...others } = args
      const references: string[] = []
      const image = await referenceTo(sources.original, context)
      for (const each of sources.references) references.push(await referenceTo(each, context))
      return {
        ...others,
        image,
        ...(sources.mask && { mask_image: await referenceTo(sources.mask, context) }),
        ...(references.length > 0 && { reference_images: references }),
      }
    },

    async measure(args, context) {
      const sources = chosenSources(args)
      const original = await measureOne(sources.original, context)
      if (sources.mask !== undefined) await measureOne(sources.mask, context)
      const references: Size[] = []
      for (const each of sources.references) references.push(await measureOne(each, context))
      const hasMask = maskNames.some((name) => args[name] !== undefined)
      measured.set(args, [original, ...references].map(pixelsOf))
      return { images: [original, ...references], hasMask }
    },

    async read(args, context, scope, takesMask) {
      const sources = chosenSources(args)
      const { caller, signal, deadlineAt } = context
      const claim = { caller: caller.id, signal, deadlineAt, scope }
      const loadAndProbe = async (each: Source) => await probe(await load(each, context), claim)

      // Every header is checked before any image is decoded, so that no work is wasted if the last one is rejected.
      const original = await loadAndProbe(sources.original)
      const mask = sources.mask && (await loadAndProbe(sources.mask))
      const references: ProbedImage[] = []
      for (const each of sources.references) references.push(await loadAndProbe(each))

      checkUnchanged(args, [original, ...references])
      if (args.keep_outside_mask === true) checkComposable(original.header, args.mask_feather ?? 0, pixels)
      const image = await converter.prepare(original.bytes, original.header, claim)
      const preparedMask = await createMask(mask, args, image, takesMask, claim)
      const keep = args.keep_outside_mask === true ? keepOf(original, args, preparedMask) : undefined
      if (keep !== undefined) await checkFeather(keep, pixels, claim)
      const images: [InputImage, ...InputImage[]] = [image]
      for (const { bytes, header } of references) images.push(await converter.prepare(bytes, header, claim))
      const parents = new Set([original, ...references].flatMap(({ id }) => id ?? []))
      return { images, mask: preparedMask, keep, parents: [...parents].slice(0, MAX_PARENTS) }
    },
  }
}

const pixelsOf = ({ width, height }: Size): number => width * height
