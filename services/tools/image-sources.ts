import type { InlineBlob } from '../bytes/json/inline-blob.ts'
import { serviceError } from '../errors/errors.ts'
import { MAX_REFERENCE_CHARACTERS } from '../parameters/table.ts'
import type { EditArguments } from './arguments.ts'

/** How each argument names an image. */
const kinds = {
  image: 'stored',
  image_path: 'path',
  image_data_base64: 'bytes',
  mask_image: 'stored',
  mask_base64: 'bytes',
  reference_images: 'stored',
  reference_images_base64: 'bytes',
} as const

type SourceName = keyof typeof kinds

/** The arguments of which one may be the mask. */
export const maskNames = ['mask_image', 'mask_base64', 'mask_region', 'mask_strokes'] as const

/** One image of a call. */
export interface Source {
  kind: (typeof kinds)[SourceName]
  /** For messages. */
  argument: string
  value: string | InlineBlob
}

/** The images of these arguments, in order. */
export function sourcesOf(args: EditArguments, ...names: readonly SourceName[]): Source[] {
  return names.flatMap((name) => {
    const value = args[name]
    if (value === undefined) return []
    const kind = kinds[name]
    return Array.isArray(value)
      ? value.map((each, at) => ({ kind, argument: `${name}[${at}]`, value: each }))
      : [{ kind, argument: name, value }]
  })
}

export interface SourceFeatures {
  readsLocalFiles: boolean
  readsLibrary: boolean
}

/**
 * The image to edit, if there is one, and at most one mask.
 * @throws ServiceError `IMG_ERR_IMAGE_SOURCE`, `IMG_ERR_ARGUMENTS`
 */
export function checkSources(args: EditArguments, { readsLocalFiles, readsLibrary }: SourceFeatures): Source {
  const masks = maskNames.filter((name) => args[name] !== undefined)
  if (masks.length > 1) throw serviceError('IMG_ERR_ARGUMENTS', [`send ${masks.join(' or ')}, not both`])
  const [source, another] = sourcesOf(args, 'image', 'image_path', 'image_data_base64')
  if (source !== undefined && another === undefined) return source
  const ways = [
    ...(readsLibrary ? ['the id of a stored image in image'] : []),
    ...(readsLocalFiles ? ['its path in image_path'] : []),
    'its bytes in image_data_base64',
  ]
  throw serviceError('IMG_ERR_IMAGE_SOURCE', [ways])
}

/**
 * Rejects bytes where an id belongs, before the schema calls them too long.
 * @throws ServiceError `IMG_ERR_IMAGE_REFERENCE`
 */
export function rejectBytes(args: Readonly<Record<string, unknown>>): void {
  for (const name of ['image', 'mask_image', 'reference_images'] as const) {
    const values: readonly unknown[] = [args[name]].flat()
    if (values.some((value) => typeof value === 'string' && value.length > MAX_REFERENCE_CHARACTERS)) {
      throw serviceError('IMG_ERR_IMAGE_REFERENCE', [name, 'bytes'])
    }
  }
}
