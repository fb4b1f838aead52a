import { otherToolNames } from '../../schemas/tools.ts'
import type { ImagesClient } from '../azure/types.ts'
import type { BufferPool } from '../bytes/buffer-pool.ts'
import type { BufferSpool } from '../bytes/spooled-buffer.ts'
import type { Jobs } from '../calls/jobs/jobs.ts'
import type { LibraryResults } from '../calls/library-result.ts'
import type { Tool } from '../calls/types.ts'
import type { ImageLimits } from '../imaging/image-probe.ts'
import type { PixelWork } from '../imaging/pixel-work.ts'
import type { Size } from '../imaging/types.ts'
import type { ImageStore } from '../library/image-store.ts'
import type { Library } from '../library/library.ts'
import type { Links } from '../library/links/links.ts'
import type { Uploads } from '../library/uploads/uploads.ts'
import type { ByteBudget } from '../limits/byte-budget.ts'
import { type Delivery, normalizer, type PolicyFeatures } from './arguments.ts'
import { cancelJob } from './cancel-job.ts'
import { deleteImage } from './delete-image.ts'
import { editImage } from './edit-image.ts'
import { findImages } from './find-images.ts'
import { generateImage } from './generate-image.ts'
import { type GetImageOptions, getImage } from './get-image.ts'
import { getJob } from './get-job.ts'
import { createImageInputs } from './image-inputs.ts'
import { createImageQuestions, type ImageQuestions } from './image-questions.ts'
import { createImageReferences } from './image-references.ts'
import { createImageResults, type ImageResultsOptions } from './image-results.ts'
import { listModels } from './list-models.ts'
import { requestUpload } from './request-upload.ts'
import { createStoredInputs, type StoredInputs } from './stored-inputs.ts'
import { type StudioDraftOptions, studioDraft } from './studio-draft.ts'
import { type StudioImageOptions, studioImage } from './studio-image.ts'
import { updateImage } from './update-image.ts'
import { createUploadVisits, type UploadVisits } from './upload-visits.ts'

export interface ToolOptions
  extends Pick<ImageResultsOptions, 'openReserve' | 'localFolder' | 'onSaved' | 'onNotSaved' | 'onCredentials'> {
  azure: ImagesClient
  store: ImageStore
  /** Undefined: images have no ids. */
  library: Library | undefined
  /** Undefined: images have no addresses. */
  links: Links | undefined
  /** Undefined: calls cannot become jobs. */
  jobs: Jobs | undefined
  /** Undefined without the library. */
  libraryResults: LibraryResults | undefined
  /** Undefined: clients cannot upload images. */
  uploads: Uploads | undefined
  pool: BufferPool
  spool: BufferSpool
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
  /** What of the policy clients use now, which may change; undefined: there is none. */
  policyFeatures: (() => PolicyFeatures) | undefined
  /** Of the service. */
  version: string
  /** What the page needs on which people edit images; undefined: there is none. */
  studio: (Pick<StudioImageOptions, 'variants'> & Pick<StudioDraftOptions, 'drafts'>) | undefined
  /** Names of the offered tools; `default` stands for the default ones. Undefined: the default ones. */
  names: readonly string[] | undefined
}

/** Of a stored image that is edited. Azure accepts less than 50 MB; a larger one is converted. */
const MAX_STORED_BYTES = 67_108_864

/**
 * Every tool, in the order in which they are listed. The same list until the policy changes, or a deployment's capabilities,
 * which is when the first call has shown by which route it is reached.
 */
export function createToolList(options: ToolOptions): () => readonly Tool[] {
  const create = toolFactory(options)
  const current = () => [
    ...options.azure.deployments.map(({ capabilities }) => capabilities),
    ...Object.values(policyOf(options)),
  ]
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

const policyOf = ({ policyFeatures, studio }: ToolOptions): PolicyFeatures =>
  policyFeatures?.() ?? { hasDryRun: studio !== undefined, hasConfirmation: false }

function toolFactory(options: ToolOptions): () => readonly Tool[] {
  const { azure, library, links, uploads, images, jobs, libraryResults, version, studio } = options
  const jobTools = jobs && libraryResults && [getJob({ jobs, libraryResults }), cancelJob({ jobs })]
  const hasJobs = jobTools !== undefined
  const hasLibrary = library !== undefined
  const hasStudio = studio !== undefined
  const features = { hasLibrary, hasLinks: links !== undefined, hasJobs, hasStudio }
  const shared = { ...options, ...images, ...features, imageLimits: images }
  const visits = uploads && createUploadVisits(uploads)
  const stored = library && createLibraryTools({ ...shared, library, visits })
  const inputs = createImageInputs({ ...options, limits: images, stored: stored?.inputs })
  const results = createImageResults(shared)
  return () => {
    const policy = policyOf(options)
    const tools = [
      generateImage({ ...shared, policy, results }),
      editImage({ ...shared, policy, inputs, questions: stored?.questions, results }),
      ...(stored?.tools ?? []),
      uploads && visits && requestUpload({ uploads, visits, maxBytes: images.maxBytes }),
      ...(jobTools ?? []),
      ...(stored?.studioTools ?? []),
      azure.deployments.length > 1 || hasStudio
        ? listModels({ ...images, deployments: azure.deployments, hasLibrary, version, tools: () => offered })
        : undefined,
    ]
    // Here, so that no tool can forget it: clients add members to the arguments of every tool.
    const offered: readonly Tool[] = tools
      .filter((tool) => tool !== undefined)
      .filter(({ name }) => isChosen(name, options.names))
      .map((tool) => ({ normalize: normalizer(tool.inputSchema), ...tool }))
    return offered
  }
}

type LibraryToolOptions = Omit<GetImageOptions, 'references' | 'inputs'> &
  Pick<ToolOptions, 'pool' | 'budget' | 'readsLocalFiles' | 'studio'> & {
    hasStudio: boolean
    visits: UploadVisits | undefined
  }

interface LibraryTools {
  inputs: StoredInputs
  questions: ImageQuestions
  tools: readonly Tool[]
  studioTools: readonly Tool[]
}

/** The tools that work with stored images, and the images of `edit_image`. */
function createLibraryTools(options: LibraryToolOptions): LibraryTools {
  const references = createImageReferences(options)
  const inputs = createStoredInputs({ ...options, references, maxBytes: MAX_STORED_BYTES })
  const shared = { ...options, references, inputs }
  const tools = [findImages(shared), getImage(shared), updateImage(shared), deleteImage(shared)]
  const { studio } = options
  const studioTools = studio ? [studioImage({ ...shared, ...studio }), studioDraft({ ...shared, ...studio })] : []
  return { inputs, questions: createImageQuestions(shared), tools, studioTools }
}

/** @param names undefined: the default ones */
function isChosen(name: string, names: readonly string[] = ['default']): boolean {
  const isOther = otherToolNames.some((each) => each === name)
  return names.includes(name) || (!isOther && names.includes('default'))
}
