import type { Tool } from '../mcp/catalog.ts'
import { editImage } from './edit-image.ts'
import { generateImage } from './generate-image.ts'
import type { ToolOptions } from './tool-options.ts'

/** Every tool, in the order in which they are listed. */
export function createTools(options: ToolOptions): readonly Tool[] {
  return [generateImage(options), editImage(options)]
}
