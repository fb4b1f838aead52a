import type { ImageRecord } from '../../schemas/image-record.ts'
import type { CallContext } from '../calls/types.ts'
import { ignoreInputError, ServiceError, serviceError } from '../errors/errors.ts'
import { LINK_ACCESS, type LibraryAccess } from '../library/access.ts'
import { type ImageReference, parseImageReference } from '../library/image-reference.ts'
import type { ImageStore } from '../library/image-store.ts'
import type { Library } from '../library/library.ts'
import type { Links } from '../library/links/links.ts'
import { readNamed } from '../library/named-images.ts'
import { MAX_REFERENCE_CHARACTERS } from '../parameters/table.ts'

/** What a text of a client stands for: an image of the library, or a file of the store by the names that it may have. */
export type FoundImage = { record: ImageRecord } | { names: readonly string[] }

/** A link that is a key opens its image, whoever owns it. */
type ParsedReference = ImageReference & { isKey?: boolean }

/** The images that clients name by id, URI, link or `last`. */
export interface ImageReferences {
  /**
   * @param argument its name, for messages
   * @throws ServiceError `IMG_ERR_IMAGE_REFERENCE`, `IMG_ERR_IMAGE_ID`, `IMG_ERR_LIBRARY_LISTING`
   */
  find(argument: string, text: string, context: CallContext): Promise<FoundImage>
  /** The same for an image that must have a record. */
  findRecord(argument: string, text: string, context: CallContext): Promise<ImageRecord>
  /** The id of an image that may no longer exist. @throws as `find` */
  idOf(argument: string, text: string, context: CallContext): Promise<string>
  /** Whether a text means the newest image. */
  isLast(text: string): boolean
  /** Whether a text can be a reference. */
  isReference(text: string): boolean
}

export interface ImageReferencesOptions {
  library: Library
  store: ImageStore
  /** Undefined: there are no links. */
  links: Links | undefined
  /** Whether clients run on this machine and may name files on it. */
  readsLocalFiles: boolean
}

export function createImageReferences(options: ImageReferencesOptions): ImageReferences {
  const { library, store, links, readsLocalFiles } = options

  function parse(text: string): ParsedReference | undefined {
    const link = links?.parse(text)
    return link === undefined ? parseImageReference(text) : { kind: 'id', ...link }
  }

  async function get(argument: string, id: string, access: LibraryAccess): Promise<ImageRecord> {
    try {
      return await library.get(id, access)
    } catch (error) {
      // A call may name many images.
      if (!(error instanceof ServiceError && error.code === 'IMG_ERR_IMAGE_ID')) throw error
      throw serviceError('IMG_ERR_IMAGE_ID', [argument], { cause: error })
    }
  }

  function invalid(argument: string, text: string) {
    const problem = problemOf(text)
    return serviceError('IMG_ERR_IMAGE_REFERENCE', [
      argument,
      problem === 'path' && readsLocalFiles ? 'localPath' : problem,
    ])
  }

  /** Models repeat the path that a result reported, or the `output_path` of a call. Undefined: the caller has no such image. */
  async function findPath(text: string, { access }: CallContext): Promise<FoundImage | undefined> {
    // On a client's own machine a relative path may be that of another file.
    if (readsLocalFiles && !text.trim().startsWith('/')) return undefined
    const target = await store.resolve(text.trim()).catch(ignoreInputError)
    const named = target && (await readNamed({ store, library }, [target.name], access))
    await named?.image[Symbol.asyncDispose]()
    return target && named && { names: [target.name] }
  }

  async function find(argument: string, text: string, context: CallContext): Promise<FoundImage> {
    const { access } = context
    const reference = parse(text)
    switch (reference?.kind) {
      case 'id':
        return { record: await get(argument, reference.id, reference.isKey ? LINK_ACCESS : access) }
      case 'last':
        return { record: await library.latest(access) }
      case 'file':
        return { names: reference.names }
      default: {
        const found = problemOf(text) === 'path' ? await findPath(text, context) : undefined
        if (found === undefined) throw invalid(argument, text)
        return found
      }
    }
  }

  return {
    find,
    async findRecord(argument, text, context) {
      const found = await find(argument, text, context)
      if ('names' in found) throw serviceError('IMG_ERR_IMAGE_REFERENCE', [argument, 'unknown'])
      return found.record
    },
    async idOf(argument, text, { access }) {
      const reference = parse(text)
      if (reference?.kind === 'id') return reference.id
      if (reference?.kind === 'last') return (await library.latest(access)).id
      throw invalid(argument, text)
    },
    isLast: (text) => parse(text)?.kind === 'last',
    isReference: (text) => text.length <= MAX_REFERENCE_CHARACTERS && parse(text) !== undefined,
  }
}

const ADDRESS = /^[a-z][a-z0-9+.-]{0,20}:\/\//i
const PATH = /^(?:file:|[~.]{0,2}[\\/]|[a-z]:[\\/])|\.(?:png|jpe?g|webp|gif|svg)$/i

/** What a text is that names no image. */
function problemOf(text: string): 'bytes' | 'path' | 'several' | 'unknown' | 'url' {
  const trimmed = text.trim()
  if (/^data:/i.test(trimmed) || (trimmed.length > 1000 && !/\s/.test(trimmed))) return 'bytes'
  if (/^file:/i.test(trimmed)) return 'path'
  if (ADDRESS.test(trimmed)) return /^image:/i.test(trimmed) ? 'unknown' : 'url'
  if (PATH.test(trimmed)) return 'path'
  return trimmed.split(/img_/i).length > 2 ? 'several' : 'unknown'
}
