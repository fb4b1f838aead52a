import type { Base64Image } from '../bytes/base64-image.ts'
import type { CallContext } from '../calls/types.ts'
import { ignoreInputError, serviceError } from '../errors/errors.ts'
import type { LibraryAccess } from '../library/access.ts'
import {
  ID_URI_TEMPLATE,
  ID_URI_VARIABLE,
  idOfPreviewUri,
  idOfUri,
  PREVIEW_URI_TEMPLATE,
} from '../library/image-reference.ts'
import type { ImageStore } from '../library/image-store.ts'
import { IMAGE_URI_TEMPLATE, IMAGE_URI_VARIABLE, namesOfImageUri } from '../library/image-uri.ts'
import type { Library } from '../library/library.ts'
import { readNamed } from '../library/named-images.ts'
import { type ContentsOptions, previewContents, wholeContents } from './contents.ts'
import { completeIds, libraryPage } from './library-images.ts'
import { createSavedFiles } from './saved-files.ts'
import type { ResourcePage, ResourceSource, ResourceTemplate, ResourceWatch } from './types.ts'

/** Values for the variables of the URI templates. */
export interface SavedImages extends ResourceSource {
  completion: {
    /** Names of the newest files that the caller may use. */
    names: { uriTemplate: string; variable: string; values(context: CallContext): Promise<readonly string[]> }
    /** Ids that match what was typed; absent if images have none. */
    ids?: {
      uriTemplates: readonly string[]
      variable: string
      values(typed: string, context: CallContext): Promise<readonly string[]>
    }
  }
}

export interface SavedImagesOptions {
  store: Pick<ImageStore, 'list' | 'read' | 'resolve' | 'files'>
  /** Undefined: images have names only. */
  library?: Library | undefined
  /** Undefined: no previews. */
  contents?: ContentsOptions
  /** Absent: clients cannot watch images. */
  watch?: ResourceWatch | undefined
}

const PAGE_SIZE = 50
const MAX_COMPLETIONS = 100

const namedImage: ResourceTemplate = {
  uriTemplate: IMAGE_URI_TEMPLATE,
  name: 'saved-image',
  title: 'Saved image',
  description: 'An image that was saved with output_path, by its name in the images folder.',
}
const imageWithId: ResourceTemplate = {
  uriTemplate: ID_URI_TEMPLATE,
  name: 'image',
  title: 'Image',
  description: 'An image by its id (img_…), which the result of the call that made it names.',
}
const previewOfId: ResourceTemplate = {
  uriTemplate: PREVIEW_URI_TEMPLATE,
  name: 'image-preview',
  title: 'Preview of an image',
  description: 'A small copy of an image, by its id: enough to look at, not to edit.',
}

const AT_NAME = "The whole file is in the server's images folder, under the name in the URI."
const AT_ID = 'The whole image is stored under the id in the URI.'

/** Cursors of a list of two parts. */
const IMAGES = 'i-'
const FILES = 'f-'

/**
 * The stored images as resources, newest first. A client that may list the library gets its images out of the index, then
 * the files without a record, for which alone the folder is walked; any other client gets the named images.
 */
export function createSavedImages({ store, library, contents, watch }: SavedImagesOptions): SavedImages {
  const files = createSavedFiles(store, library)

  async function listLibrary(
    source: Library,
    cursor: string | undefined,
    access: LibraryAccess,
  ): Promise<ResourcePage> {
    if (cursor?.startsWith(FILES)) {
      return withPrefix(FILES, await files.page(PAGE_SIZE, cursor.slice(FILES.length) || undefined, access, false))
    }
    if (cursor !== undefined && !cursor.startsWith(IMAGES)) throw serviceError('IMG_ERR_STORE_CURSOR', [])
    const page = await libraryPage(source, PAGE_SIZE, cursor?.slice(IMAGES.length), access)
    if (page.nextCursor !== undefined) return withPrefix(IMAGES, page)
    // A page of images never waits for a walk.
    if (page.resources.length > 0) return { resources: page.resources, nextCursor: FILES }
    return withPrefix(FILES, await files.page(PAGE_SIZE, undefined, access, false))
  }

  /** What a client may not use and what is gone: for a client the resource does not exist. */
  async function openId(id: string, access: LibraryAccess): Promise<Base64Image | undefined> {
    if (library === undefined) return undefined
    const reading = library.get(id, access).then((record) => library.read(record))
    return await reading.catch(ignoreInputError)
  }

  return {
    templates: library === undefined ? [namedImage] : [imageWithId, previewOfId, namedImage],
    async list(cursor, { access }) {
      return library !== undefined && access.canList
        ? await listLibrary(library, cursor, access)
        : await files.page(PAGE_SIZE, cursor, access, true)
    },
    async read(uri, context) {
      const { access, scope } = context
      const id = idOfUri(uri)
      const previewId = contents && idOfPreviewUri(uri)
      const image = await (id === undefined && previewId === undefined
        ? readNamed({ store, library }, namesOfImageUri(uri), access).then((named) => named?.image)
        : openId(id ?? previewId ?? '', access))
      if (image === undefined) return undefined
      scope.use(image)
      if (contents !== undefined && previewId !== undefined) {
        return await previewContents(uri, image, contents, context)
      }
      return await wholeContents(uri, image, id === undefined ? AT_NAME : AT_ID, contents, context)
    },
    ...(watch && { watch }),
    completion: {
      names: {
        uriTemplate: IMAGE_URI_TEMPLATE,
        variable: IMAGE_URI_VARIABLE,
        async values({ access }) {
          return (await files.page(MAX_COMPLETIONS, undefined, access, true)).resources.map(({ name }) => name)
        },
      },
      ...(library && {
        ids: {
          uriTemplates: [ID_URI_TEMPLATE, PREVIEW_URI_TEMPLATE],
          variable: ID_URI_VARIABLE,
          // One more than are returned, so that clients learn that there are more.
          values: (typed, { access }) => completeIds(library, typed, MAX_COMPLETIONS + 1, access),
        },
      }),
    },
  }
}

function withPrefix(prefix: string, { resources, nextCursor }: ResourcePage): ResourcePage {
  return { resources, ...(nextCursor === undefined ? {} : { nextCursor: prefix + nextCursor }) }
}
