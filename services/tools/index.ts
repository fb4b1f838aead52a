import type { Tool } from '../calls/types.ts'
import { editImage } from './edit-image.ts'
import { generateImage } from './generate-image.ts'
import { listModels } from './list-models.ts'
import type { ToolOptions } from './tool-options.ts'

/** Every tool, in the order in which they are listed. */
export function createTools(options: ToolOptions): readonly Tool[] {
  const { azure } = options
  const tools = [
    generateImage(options),
    editImage(options),
    azure.deployments.length > 1 ? listModels(azure) : undefined,
  ]
  return tools.filter((tool) => tool !== undefined)
}
