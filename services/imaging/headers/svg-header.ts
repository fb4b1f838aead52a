import type { ImageFacts } from '../../bytes/base64-image.ts'

/** Bytes within which an SVG drawing must open. */
const MAX_PROLOG = 65_536
const MAX_EDGE = 65_535
/** The size of a drawing without one. https://www.w3.org/TR/css-images-3/#default-object-size */
const DEFAULT_SIZE = { width: 300, height: 150 }

/**
 * The facts of an SVG drawing, which a model may return but clients may not send: nothing here decodes it. `undefined` if the
 * bytes are none, or end within its opening tag.
 */
export function readSvgFacts(bytes: Buffer): ImageFacts | undefined {
  const text = bytes.toString('utf8', 0, MAX_PROLOG).replace(/^\uFEFF/, '')
  const start = skipProlog(text)
  if (!/^<svg[\s>/]/.test(text.slice(start, start + 5))) return undefined
  const end = text.indexOf('>', start)
  if (end === -1) return undefined
  return { mimeType: 'image/svg+xml', ...sizeOf(text.slice(start, end)) }
}

/** The position behind the XML declaration, comments and the document type. */
function skipProlog(text: string): number {
  let at = 0
  for (;;) {
    while (/\s/.test(text.charAt(at))) at++
    const [, close] =
      [
        ['<?xml', '?>'],
        ['<!--', '-->'],
        ['<!DOCTYPE', '>'],
      ].find(([open = '']) => text.startsWith(open, at)) ?? []
    const end = close === undefined ? -1 : text.indexOf(close, at)
    if (close === undefined || end === -1) return at
    at = end + close.length
  }
}

function sizeOf(tag: string): { width: number; height: number } {
  const [, , boxWidth, boxHeight] = /\sviewBox\s*=\s*["']\s*([^"']{1,100})["']/.exec(tag)?.[1]?.split(/[\s,]+/) ?? []
  return {
    width: pixels(lengthOf(tag, 'width') ?? boxWidth) ?? DEFAULT_SIZE.width,
    height: pixels(lengthOf(tag, 'height') ?? boxHeight) ?? DEFAULT_SIZE.height,
  }
}

/** A length in pixels; a share of the surroundings says nothing about the drawing. */
function lengthOf(tag: string, name: 'width' | 'height'): string | undefined {
  const pattern =
    name === 'width'
      ? /\swidth\s*=\s*["']\s*([\d.]{1,20})(?:px)?\s*["']/
      : /\sheight\s*=\s*["']\s*([\d.]{1,20})(?:px)?\s*["']/
  return pattern.exec(tag)?.[1]
}

function pixels(text: string | undefined): number | undefined {
  const value = Math.round(Number(text))
  return value >= 1 && value <= MAX_EDGE ? value : undefined
}
