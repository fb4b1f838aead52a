import type { PreparationClaim } from '../imaging/convert.ts'
import { createPixelBudget } from '../imaging/pixel-budget.ts'
import type { PixelClaim } from '../imaging/pixel-claim.ts'
import {
  type ImageVariant,
  type PreviewLimits,
  type RenderedImage,
  renderPreview,
  type TransformOptions,
  transformImage,
} from '../imaging/transform.ts'
import type { StoredFile } from './image-store.ts'
import { readBytes } from './stored-image.ts'

/** Renders what is shown instead of a stored image. */
export interface ImageVariants {
  /**
   * Undefined: the stored file is already as requested.
   * @throws ServiceError as `transformImage`; `IMG_ERR_AZURE_NOT_SENT` if the claim ends before its turn
   */
  render(file: StoredFile, variant: ImageVariant, claim: PreparationClaim): Promise<RenderedImage | undefined>
  /** A JPEG, or WebP, within the limits. @throws ServiceError as `renderPreview`, and `render` */
  preview(file: StoredFile, limits: PreviewLimits, claim: PixelClaim): Promise<RenderedImage>
}

/** Files in memory of all variants together; a larger one is read alone. */
const MAX_READ_BYTES = 134_217_728
/** Two are rendered at a time, and the next ones are being read. */
const SLOTS = 4

/** Files are read one after another, and callers take turns, since a page may show a hundred of them at once. */
export function createImageVariants(options: TransformOptions): ImageVariants {
  const budget = createPixelBudget({ maxBytes: MAX_READ_BYTES, slots: SLOTS })

  function inTurn<T>(file: StoredFile, claim: PixelClaim, work: (bytes: Buffer) => Promise<T>): Promise<T> {
    return budget.run(Math.min(file.bytes, MAX_READ_BYTES), claim, async () => work(await readBytes(file, file.bytes)))
  }

  return {
    render: (file, variant, claim) =>
      inTurn(file, claim, async (bytes) => {
        const rendered = await transformImage(bytes, variant, options, claim)
        return rendered.bytes === bytes ? undefined : rendered
      }),
    preview: (file, limits, claim) => inTurn(file, claim, (bytes) => renderPreview(bytes, options, claim, limits)),
  }
}
