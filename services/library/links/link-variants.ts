import type { PreparationClaim } from '../../imaging/convert.ts'
import { createPixelBudget } from '../../imaging/pixel-budget.ts'
import {
  type ImageVariant,
  type RenderedImage,
  type TransformOptions,
  transformImage,
} from '../../imaging/transform.ts'
import type { StoredFile } from '../image-store.ts'
import { readBytes } from '../stored-image.ts'

/** Renders what links show instead of the stored image. */
export interface LinkVariants {
  /**
   * Undefined: the stored file is already as requested.
   * @throws ServiceError as `transformImage`; `IMG_ERR_AZURE_NOT_SENT` if the claim ends before its turn
   */
  render(file: StoredFile, variant: ImageVariant, claim: PreparationClaim): Promise<RenderedImage | undefined>
}

/** Files in memory of all variants together; a larger one is read alone. */
const MAX_READ_BYTES = 134_217_728
/** Two are rendered at a time, and the next ones are being read. */
const SLOTS = 4

/** Files are read one after another, and callers take turns, since a page may show a hundred of them at once. */
export function createLinkVariants(options: TransformOptions): LinkVariants {
  const budget = createPixelBudget({ maxBytes: MAX_READ_BYTES, slots: SLOTS })
  return {
    render: (file, variant, claim) =>
      budget.run(Math.min(file.bytes, MAX_READ_BYTES), claim, async () => {
        const bytes = await readBytes(file, file.bytes)
        const rendered = await transformImage(bytes, variant, options, claim)
        return rendered.bytes === bytes ? undefined : rendered
      }),
  }
}
