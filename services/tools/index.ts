import { otherToolNames } from '../../schemas/tools.ts'
import type { ImagesClient } from '../azure/types.ts'
import type { BufferPool } from '../bytes/buffer-pool.ts'
import type { Tool } from '../calls/types.ts'
import type { ImageLimits } from '../imaging/image-probe.ts'
import type { PixelWork } from '../imaging/pixel-work.ts'
import type { Size } from '../imaging/types.ts'
import type { ImageStore } from '../library/image-store.ts'
import type { Library } from '../library/library.ts'
import type { Links } from '../library/links/links.ts'
import type { Uploads } from '../library/uploads/uploads.ts'
import type { ByteBudget } from '../limits/byte-budget.ts'
import { type Delivery, normalizer } from './arguments.ts'
import { deleteImage } from './delete-image.ts'
import { editImage } from './edit-image.ts'
import { findImages } from './find-images.ts'
import { generateImage } from './generate-image.ts'
import { type GetImageOptions, getImage } from './get-image.ts'
import { createImageInputs } from './image-inputs.ts'
import { createImageReferences } from './image-references.ts'
import { createImageResults, type ImageResultsOptions } from './image-results.ts'
import { listModels } from './list-models.ts'
import { requestUpload } from './request-upload.ts'
import { createStoredInputs, type StoredInputs } from './stored-inputs.ts'
import { updateImage } from './update-image.ts'

export interface ToolOptions
  extends Pick<ImageResultsOptions, 'openReserve' | 'localFolder' | 'onSaved' | 'onNotSaved' | 'onCredentials'> {
  azure: ImagesClient
  store: ImageStore
  /** Undefined: images have no ids. */
  library: Library | undefined
  /** Undefined: images have no addresses. */
  links: Links | undefined
  /** Undefined: clients cannot upload images. */
  uploads: Uploads | undefined
  pool: BufferPool
  pixels: PixelWork
  /** The memory of images that clients send or name. */
  budget: ByteBudget
  images: ImageLimits & {
    /** The size if the client sends none. */
    defaultSize: Size
    defaultEditMaxPixels: number
    maxInlineBytes: number
    reportCost: boolean
  }
  /** Whether clients run on this machine and may name files on it. */
  readsLocalFiles: boolean
  /** What results have of each image by default. */
  delivery: Delivery
  /** Names of the offered tools; `default` stands for the default ones. Undefined: the default ones. */
  names: readonly string[] | undefined
}

/** Of a stored image that is edited. Azure accepts less than 50 MB; a larger one is converted. */
const MAX_STORED_BYTES = 67_108_864

/**
 * Every tool, in the order in which they are listed. The same list until a deployment's capabilities change, which is when
 * the first call has shown by which route it is reached.
 */
export function createToolList(options: ToolOptions): () => readonly Tool[] {
  const create = toolFactory(options)
  const current = () => options.azure.deployments.map(({ capabilities }) => capabilities)
  let described = current()
  let tools = create()
  return () => {
    const capabilities = current()
    if (capabilities.some((row, index) => row !== described[index])) {
      described = capabilities
      tools = create()
    }
    return tools
  }
}

function toolFactory(options: ToolOptions): () => readonly Tool[] {
  const { azure, library, links, uploads, pixels, images, readsLocalFiles } = options
  const features = { hasLibrary: library !== undefined, hasLinks: links !== undefined }
  const shared = { ...options, ...images, ...features, imageLimits: images }
  const stored = library && createLibraryTools({ ...shared, library })
  const inputs = createImageInputs({ pixels, limits: images, readsLocalFiles, stored: stored?.inputs })
  const results = createImageResults(shared)
  return () => {
    const tools = [
      generateImage({ ...shared, results }),
      editImage({ ...shared, inputs, results }),
      ...(stored?.tools ?? []),
      uploads && requestUpload({ uploads, maxBytes: images.maxBytes }),
      azure.deployments.length > 1 ? listModels(azure.deployments, library !== undefined) : undefined,
    ]
    // Here, so that no tool can forget it: clients add members to the arguments of every tool.
    return tools
      .filter((tool) => tool !== undefined)
      .filter(({ name }) => isChosen(name, options.names))
      .map((tool) => ({ normalize: normalizer(tool.inputSchema), ...tool }))
  }
}

type LibraryToolOptions = Omit<GetImageOptions, 'references' | 'inputs'> &
  Pick<ToolOptions, 'pool' | 'budget' | 'readsLocalFiles'>

/** The tools that work with stored images, and the images of `edit_image`. */
function createLibraryTools(options: LibraryToolOptions): { inputs: StoredInputs; tools: readonly Tool[] } {
  const references = createImageReferences(options)
  const inputs = createStoredInputs({ ...options, references, maxBytes: MAX_STORED_BYTES })
  const shared = { ...options, references, inputs }
  return { inputs, tools: [findImages(shared), getImage(shared), updateImage(shared), deleteImage(shared)] }
}

/** @param names undefined: the default ones */
function isChosen(name: string, names: readonly string[] = ['default']): boolean {
  const isOther = otherToolNames.some((each) => each === name)
  return names.includes(name) || (!isOther && names.includes('default'))
}
