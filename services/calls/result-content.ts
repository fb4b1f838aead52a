import type { LibraryResult } from '../../schemas/library-result.ts'
import { Base64Image, disposeAll } from '../bytes/base64-image.ts'
import type { ResultFile } from './result-file.ts'
import type { CallContext, ContentBlock, ResourceLink, ToolResult } from './types.ts'

/** The parts of the result of a paid call. */
export interface ResultParts {
  /** A line for each image, and nothing else: clients read the path at its end. */
  readonly text: string
  readonly images: readonly Base64Image[]
  /** All other facts, a sentence or more each. */
  readonly notes: readonly string[]
  /** Links to images that are not in the response. */
  readonly links: readonly ResourceLink[]
  /** The job that the call became, in place of images. */
  readonly jobId?: string | undefined
}

/** The only place that arranges a paid result: the text, the images in order, one text with all notes, the links. */
export function toToolResult({ text, images, notes, links }: ResultParts): ToolResult {
  const blocks = images.map((data): ContentBlock => ({ type: 'image', data, mimeType: data.mimeType }))
  const note: ContentBlock[] = notes.length === 0 ? [] : [{ type: 'text', text: notes.join('\n') }]
  return { content: [{ type: 'text', text }, ...blocks, ...note, ...links] }
}

/** The parts of a result; undefined if it is an error, or has nothing that was paid for. */
export function partsOfResult({ content, isError, jobId }: ToolResult): ResultParts | undefined {
  if (isError === true) return undefined
  const [text = '', ...notes] = content.flatMap((block) => (block.type === 'text' ? [block.text] : []))
  const images = content.flatMap((block) =>
    block.type === 'image' && block.data instanceof Base64Image ? [block.data] : [],
  )
  const links = content.filter((block) => block.type === 'resource_link')
  const isPaid = images.length + links.length > 0 || jobId !== undefined
  return isPaid ? { text, images, notes, links, jobId } : undefined
}

/** A finished result: its parts, with the images in a file or, as long as there is none, in memory. */
export interface ResultContent extends ResultParts {
  /** Empty if they are in the file. */
  images: readonly Base64Image[]
  file: ResultFile | undefined
  /** Absent: some images are not in the library. */
  stored?: LibraryResult | undefined
}

/** What is worth storing of a result, with holds on its images; undefined if nothing was paid for. */
export function contentOf(result: ToolResult): ResultContent | undefined {
  const parts = partsOfResult(result)
  const { jobId } = result
  const stored =
    jobId === undefined ? result.stored : { text: parts?.text ?? '', notes: [...(parts?.notes ?? [])], images: [] }
  return parts && { ...parts, images: parts.images.map((image) => image.clone()), file: undefined, stored }
}

/** What was read of a stored result as the response of another call, which owns the images until its scope is closed. */
export function repeatResult(parts: ResultParts, note: string, { scope, isCancelled }: CallContext): ToolResult {
  if (isCancelled) void disposeAll(parts.images)
  const images = isCancelled ? [] : parts.images.map((image) => scope.use(image))
  const notes = parts.notes.some((each) => each.endsWith(note)) ? parts.notes : [...parts.notes, note]
  const result = toToolResult({ ...parts, images, notes })
  return parts.jobId === undefined ? result : { ...result, jobId: parts.jobId }
}

/** What the header of a file has of its result. */
export function partsOfFile({ header: { texts, links = [], jobId } }: ResultFile): Omit<ResultParts, 'images'> {
  const [text = '', ...notes] = texts
  return { text, notes, links, jobId }
}

/** Bytes of base64 text that images take together. */
export function encodedBytesOf(images: readonly Base64Image[]): number {
  return images.reduce((sum, { encodedBytes }) => sum + encodedBytes, 0)
}
