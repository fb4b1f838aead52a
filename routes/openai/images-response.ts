import type { CommonRequest, ImagesResponse, ImageUsage } from '../../schemas/openai.ts'
import type { Usage } from '../../services/azure/types.ts'
import { Base64Image } from '../../services/bytes/base64-image.ts'
import { formatNameOf } from '../../services/bytes/image-extensions.ts'
import type { ToolResult } from '../../services/calls/types.ts'
import { readNotes } from '../../services/tools/result-notes.ts'

/** An image of a response: its text is spliced in when the response is written. */
export type ResponseImage = Omit<ImagesResponse['data'][number], 'b64_json'> & { b64_json?: Base64Image }

/** A response whose images are not text yet. */
export type UnwrittenResponse = Omit<ImagesResponse, 'data'> & { data: ResponseImage[] }

/** The result of a tool as OpenAI's clients read it. */
export function toImagesResponse({ content, paid }: ToolResult, request: CommonRequest): UnwrittenResponse {
  const { ids, notes } = readNotes(content)
  const images = content.flatMap((block): ResponseImage[] => {
    if (block.type === 'image' && block.data instanceof Base64Image) return [{ b64_json: block.data }]
    return block.type === 'resource_link' && /^https?:/.test(block.uri) ? [{ url: block.uri }] : []
  })
  return {
    created: Math.floor(Date.now() / 1000),
    data: images.map((image, index) => ({ ...image, ...(ids[index] === undefined ? {} : { id: ids[index] }) })),
    ...factsOf(images, request),
    ...(paid === undefined ? {} : usageOf(paid.usage)),
    ...(notes.length === 0 ? {} : { notes }),
  }
}

/** What a response says of all its images. */
function factsOf(images: readonly ResponseImage[], { quality, background }: CommonRequest) {
  const [first] = images.flatMap(({ b64_json }) => b64_json ?? [])
  return {
    ...(first === undefined
      ? {}
      : { size: `${first.width}x${first.height}`, output_format: formatNameOf(first.mimeType) }),
    ...(quality === undefined || quality === 'auto' || quality === 'standard'
      ? {}
      : { quality: quality === 'hd' ? 'high' : quality }),
    ...(background === undefined || background === 'auto' ? {} : { background }),
  }
}

/** Only where Azure reports tokens. */
function usageOf({ textTokensIn = 0, imageTokensIn = 0, tokensOut }: Usage): { usage?: ImageUsage } {
  if (tokensOut === undefined) return {}
  const input = textTokensIn + imageTokensIn
  return {
    usage: {
      input_tokens: input,
      input_tokens_details: { image_tokens: imageTokensIn, text_tokens: textTokensIn },
      output_tokens: tokensOut,
      total_tokens: input + tokensOut,
    },
  }
}
