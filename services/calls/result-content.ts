import { Base64Image } from '../bytes/base64-image.ts'
import type { ContentBlock, ToolResult } from '../mcp/catalog.ts'
import type { Result, ResultContent } from './result-offer.ts'

/** The part of a result that is worth storing; undefined where nothing was paid for. */
export function contentOf(result: ToolResult): ResultContent | undefined {
  if (result.isError === true) return undefined
  const texts = result.content.flatMap((block) => (block.type === 'text' ? [block.text] : []))
  const images = result.content.flatMap((block) =>
    block.type === 'image' && block.data instanceof Base64Image ? [block.data] : [],
  )
  return images.length === 0 ? undefined : { texts, images, file: undefined }
}

/** The same blocks with other images in the places of theirs. */
export function withImages({ content }: ToolResult, images: readonly Base64Image[]): ToolResult['content'] {
  const rest = images.values()
  return content.map((block) => {
    if (block.type !== 'image' || !(block.data instanceof Base64Image)) return block
    return { ...block, data: rest.next().value ?? block.data }
  })
}

/** The texts of a stored result, the first with a note behind it. */
export function textBlocks([first = '', ...others]: readonly string[], note: string): ContentBlock[] {
  return [`${first}\n${note}`, ...others].map((text) => ({ type: 'text', text }))
}

export function imageBlocks(images: readonly Base64Image[]): ContentBlock[] {
  return images.map((image) => ({ type: 'image', data: image, mimeType: image.mimeType }))
}

/** Bytes of base64 text that images take together. */
export function encodedBytesOf(images: readonly Base64Image[]): number {
  return images.reduce((sum, { encodedBytes }) => sum + encodedBytes, 0)
}

/** A result that no one holds yet. */
export function createResult(
  identity: Pick<Result, 'owner' | 'fingerprint'>,
  content: Promise<ResultContent | undefined>,
): Result {
  return { ...identity, content, holders: 0, bytes: 0, expiresAt: undefined, writing: Promise.resolve() }
}
