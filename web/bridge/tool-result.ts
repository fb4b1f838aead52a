import { STUDIO_META, type StudioMeta, StudioMetaSchema } from '../../schemas/studio.ts'
import type { ToolFile, ToolResult } from './bridge.ts'
import { conforms } from './conforms.ts'
import { isObject, objectOf, textOf } from './json.ts'
import { StudioError } from './studio-error.ts'

/**
 * Reads a `CallToolResult`.
 * @throws StudioError `protocol` if it is none, or has facts that the studio cannot read
 */
export function readToolResult(value: unknown): ToolResult {
  if (!isObject(value) || !Array.isArray(value.content)) throw new StudioError('protocol')
  const blocks = value.content.map(objectOf)
  const texts = blocks.flatMap((block) => (block.type === 'text' ? [textOf(block.text) ?? ''] : []))
  return {
    isError: value.isError === true,
    text: texts.join('\n'),
    meta: readMeta(objectOf(value._meta)[STUDIO_META]),
    files: blocks.flatMap(fileOf),
  }
}

function readMeta(value: unknown): StudioMeta {
  if (value === undefined) return {}
  if (!conforms(StudioMetaSchema, value)) throw new StudioError('protocol')
  return value
}

function fileOf(block: Readonly<Record<string, unknown>>): ToolFile[] {
  const source = block.type === 'resource' ? objectOf(block.resource) : block
  const base64 = textOf(block.type === 'resource' ? source.blob : source.data)
  return base64 === undefined ? [] : [{ mimeType: textOf(source.mimeType) ?? '', base64 }]
}

/** The ids of images in a text, each once, in order. */
export const imageIdsIn = (text: string): string[] => [...new Set(text.match(/\bimg_[0-7][0-9a-hjkmnp-tv-z]{25}\b/g))]

/** The first id of a job in a text. */
export const jobIdIn = (text: string): string | undefined => text.match(/\bjob_[0-9A-Za-z_-]{8,64}/)?.[0]
