import type { Tool } from '../calls/types.ts'
import { type EditImageOptions, editImage } from './edit-image.ts'
import { type GenerateImageOptions, generateImage } from './generate-image.ts'
import { listModels } from './list-models.ts'

/** Every tool, in the order in which they are listed. */
export function createTools(options: GenerateImageOptions & EditImageOptions): readonly Tool[] {
  const { deployments } = options.azure
  const tools = [
    generateImage(options),
    editImage(options),
    deployments.length > 1 ? listModels(deployments) : undefined,
  ]
  return tools.filter((tool) => tool !== undefined)
}
