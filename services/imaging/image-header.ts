import type { ImageMimeType } from '../bytes/base64-image.ts'
import { readGif } from './headers/gif-header.ts'
import { hasText, type ImageHeader, type Walk } from './headers/header.ts'
import { readJpeg } from './headers/jpeg-header.ts'
import { readPng } from './headers/png-header.ts'
import { readWebp } from './headers/webp-header.ts'

export const formatNames: Readonly<Record<ImageMimeType, string>> = {
  'image/png': 'PNG',
  'image/jpeg': 'JPEG',
  'image/webp': 'WebP',
  'image/gif': 'GIF',
  'image/svg+xml': 'SVG',
}

/** The format by its signature in the first 12 bytes. */
export function sniffFormat(bytes: Buffer): ImageMimeType | undefined {
  if (hasText(bytes, 0, '\x89PNG\r\n\x1a\n')) return 'image/png'
  if (hasText(bytes, 0, '\xff\xd8\xff')) return 'image/jpeg'
  if (hasText(bytes, 0, 'GIF87a') || hasText(bytes, 0, 'GIF89a')) return 'image/gif'
  if (hasText(bytes, 0, 'RIFF') && hasText(bytes, 8, 'WEBP')) return 'image/webp'
  return undefined
}

/**
 * Reads the headers of a whole file; `undefined` if it ends before its dimensions or is none of the four formats. Nothing
 * is decoded.
 */
export function* walkHeader(bytes: Buffer): Walk<ImageHeader | undefined> {
  switch (sniffFormat(bytes)) {
    case 'image/png':
      return yield* readPng(bytes)
    case 'image/jpeg':
      return yield* readJpeg(bytes)
    case 'image/webp':
      return yield* readWebp(bytes)
    case 'image/gif':
      return yield* readGif(bytes)
    default:
      return undefined
  }
}

/** Runs a walk to its end without yielding: for short files. */
export function finishWalk<T>(walk: Walk<T>): T {
  let step = walk.next()
  while (step.done !== true) step = walk.next()
  return step.value
}

/** `walkHeader` without yielding: for short files. */
export function readHeader(bytes: Buffer): ImageHeader | undefined {
  return finishWalk(walkHeader(bytes))
}
