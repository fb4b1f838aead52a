import sharp, { type OverlayOptions } from 'sharp'
import { overlay, renderText } from '../caption.ts'
import { drawScene, placeSubject } from '../scene.ts'
import { createDice, px, rgbOf } from '../scenes/svg.ts'
import type { FoundSubject } from '../scenes/vocabulary.ts'
import type { Size } from './filters.ts'

/** Changes of a part of the image: objects, the background, text. */

/** A rectangle of the image, in pixels. */
export interface Area {
  left: number
  top: number
  width: number
  height: number
}

const compose = (image: Buffer, layers: OverlayOptions[]): Promise<Buffer> =>
  sharp(image).composite(layers).png({ compressionLevel: 1 }).toBuffer()

/** Where an object goes: the words of the clause, within the area that may change. */
function spot(clause: string, area: Area, isMasked: boolean): { x: number; foot: number; size: number } {
  const share = isMasked ? 0.92 : 0.42
  const size = Math.min(area.width, area.height) * share
  const x = isMasked || !/\bleft\b|左/i.test(clause) ? (/\bright\b|右/i.test(clause) && !isMasked ? 0.76 : 0.5) : 0.24
  const isHigh = /\b(?:sky|top|above|over|upper|head)\b|天空|天上|上方|上面|头/i.test(clause)
  const foot = isMasked ? 0.96 : isHigh ? 0.46 : 0.72
  return { x: area.left + area.width * x, foot: area.top + area.height * foot, size }
}

/** Draws what is to be added. `isMasked`: into the whole of the area, else at a usual place in it. */
export function addObjects(
  image: Buffer,
  found: readonly FoundSubject[],
  clause: string,
  size: Size,
  area: Area,
  isMasked: boolean,
): Promise<Buffer> {
  const dice = createDice(clause)
  const place = spot(clause, area, isMasked)
  const each = place.size / (isMasked ? found.length : Math.max(1, found.length * 0.75))
  const shapes = found
    .map((one, i) => placeSubject(one, place.x + (i - (found.length - 1) / 2) * each * 1.02, place.foot, each, dice))
    .join('')
  const input = Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" width="${size.width}" height="${size.height}">${shapes}</svg>`,
  )
  return compose(image, [{ input }])
}

/**
 * Fills the area that a mask opens from its surroundings: averages of what is around it, from coarse to fine.
 * Transparent pixels count for nothing in an average, so that what was there is gone.
 */
export async function fillArea(image: Buffer, mask: Buffer, { width, height }: Size): Promise<Buffer> {
  const around = await sharp(image)
    .ensureAlpha()
    .composite([
      { input: await sharp(mask).resize(width, height, { fit: 'cover' }).png().toBuffer(), blend: 'dest-in' },
    ])
    .png({ compressionLevel: 1 })
    .toBuffer()
  const levels = await Promise.all(
    [1, 2, 4, 8, 16, 32].map(async (side) => {
      const small = await sharp(around)
        .resize(Math.min(side, width), Math.min(side, height), { fit: 'fill' })
        .png()
        .toBuffer()
      return {
        input: await sharp(small)
          .resize(width, height, { fit: 'fill', kernel: 'cubic' })
          .png({ compressionLevel: 1 })
          .toBuffer(),
      }
    }),
  )
  return sharp({ create: { width, height, channels: 3, background: '#808080' } })
    .composite([...levels, { input: around }])
    .png({ compressionLevel: 1 })
    .toBuffer()
}

/** An ellipse in the middle with soft edges: where an image usually has its subject. */
const middle = ({ width, height }: Size): Buffer =>
  Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><defs><radialGradient id="soft"><stop offset=".72" stop-color="#fff"/><stop offset="1" stop-color="#fff" stop-opacity="0"/></radialGradient></defs><ellipse cx="${px(width / 2)}" cy="${px(height * 0.48)}" rx="${px(width * 0.4)}" ry="${px(height * 0.44)}" fill="url(#soft)"/></svg>`,
  )

async function withBackground(image: Buffer, background: Buffer, size: Size): Promise<Buffer> {
  const subject = await sharp(image)
    .ensureAlpha()
    .composite([{ input: middle(size), blend: 'dest-in' }])
    .png({ compressionLevel: 1 })
    .toBuffer()
  return compose(background, [{ input: subject }])
}

/** Puts another scene, or white, around the middle of the image. */
export async function replaceBackground(image: Buffer, scene: string | undefined, size: Size): Promise<Buffer> {
  const background =
    scene === undefined
      ? sharp({ create: { ...size, channels: 3, background: '#ffffff' } })
      : sharp(Buffer.from(drawScene({ prompt: scene, ...size, variant: '' })))
  return withBackground(image, await background.removeAlpha().png({ compressionLevel: 1 }).toBuffer(), size)
}

export async function blurBackground(image: Buffer, size: Size): Promise<Buffer> {
  const soft = await sharp(image)
    .blur(Math.max(0.6, Math.min(size.width, size.height) / 60))
    .png({ compressionLevel: 1 })
    .toBuffer()
  return withBackground(image, soft, size)
}

/** Lays a colour over the image. */
export async function tint(image: Buffer, colour: string, size: Size): Promise<Buffer> {
  const wash = { create: { ...size, channels: 4 as const, background: { ...rgbOf(colour), alpha: 0.42 } } }
  return compose(image, [{ input: await sharp(wash).png({ compressionLevel: 1 }).toBuffer() }])
}

/** Rotates within the frame, on white. */
export function rotate(image: Buffer, degrees: number, { width, height }: Size): Promise<Buffer> {
  return sharp(image)
    .rotate(degrees, { background: '#ffffff' })
    .resize(width, height, { fit: 'contain', background: '#ffffff' })
    .png({ compressionLevel: 1 })
    .toBuffer()
}

/** Writes a text into the middle of the area. */
export async function writeText(image: Buffer, text: string, size: Size, area: Area): Promise<Buffer> {
  const edge = Math.min(area.width, area.height)
  const style = { width: area.width * 0.86, fontPx: edge / 11, weight: 'bold', most: 90 } as const
  const [ink, shade] = await Promise.all([
    renderText(text, { ...style, color: '#ffffff' }),
    renderText(text, { ...style, color: '#000000b0' }),
  ])
  const left = area.left + Math.max(0, (area.width - ink.width) >> 1)
  const top = area.top + Math.max(0, (area.height - ink.height) >> 1)
  const off = Math.max(1, Math.round(edge / 250))
  return compose(image, [
    ...(await overlay(shade, left + off, top + off, size)),
    ...(await overlay(ink, left, top, size)),
  ])
}
