import type { Tool } from '../calls/types.ts'
import { normalizer } from './arguments.ts'
import { type EditImageOptions, editImage } from './edit-image.ts'
import { type GenerateImageOptions, generateImage } from './generate-image.ts'
import { listModels } from './list-models.ts'

/**
 * Every tool, in the order in which they are listed. The same list until a deployment's capabilities change, which is when
 * the first call has shown by which route it is reached.
 */
export function createToolList(options: GenerateImageOptions & EditImageOptions): () => readonly Tool[] {
  const current = () => options.azure.deployments.map(({ capabilities }) => capabilities)
  let described = current()
  let tools = createTools(options)
  return () => {
    const capabilities = current()
    if (capabilities.some((row, index) => row !== described[index])) {
      described = capabilities
      tools = createTools(options)
    }
    return tools
  }
}

function createTools(options: GenerateImageOptions & EditImageOptions): readonly Tool[] {
  const { deployments } = options.azure
  const tools = [
    generateImage(options),
    editImage(options),
    deployments.length > 1 ? listModels(deployments) : undefined,
  ]
  // Here, so that no tool can forget it: clients add members to the arguments of every tool.
  return tools
    .filter((tool) => tool !== undefined)
    .map((tool) => ({ ...tool, normalize: normalizer(tool.inputSchema) }))
}
