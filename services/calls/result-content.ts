import { Base64Image } from '../bytes/base64-image.ts'
import type { ContentBlock, ResourceLink, ToolResult } from './types.ts'

/** The parts of the result of a paid call. */
export interface ResultParts {
  /** A line for each image, and nothing else: clients read the path at its end. */
  readonly text: string
  readonly images: readonly Base64Image[]
  /** All other facts, a sentence or more each. */
  readonly notes: readonly string[]
  /** Links to images that are not in the response. */
  readonly links: readonly ResourceLink[]
}

/** The only place that arranges a paid result: the text, the images in order, one text with all notes, the links. */
export function toToolResult({ text, images, notes, links }: ResultParts): ToolResult {
  const blocks = images.map((data): ContentBlock => ({ type: 'image', data, mimeType: data.mimeType }))
  const note: ContentBlock[] = notes.length === 0 ? [] : [{ type: 'text', text: notes.join('\n') }]
  return { content: [{ type: 'text', text }, ...blocks, ...note, ...links] }
}

/** The parts of a result; undefined if it is an error, or has nothing that was paid for. */
export function partsOfResult({ content, isError }: ToolResult): ResultParts | undefined {
  if (isError === true) return undefined
  const [text = '', ...notes] = content.flatMap((block) => (block.type === 'text' ? [block.text] : []))
  const images = content.flatMap((block) =>
    block.type === 'image' && block.data instanceof Base64Image ? [block.data] : [],
  )
  const links = content.filter((block) => block.type === 'resource_link')
  return images.length + links.length === 0 ? undefined : { text, images, notes, links }
}
