import sharp, { type OverlayOptions, type Sharp } from 'sharp'
import { badge, caption } from './caption.ts'
import { applyEdits, type EditResult } from './edit.ts'
import { applyFilter, type FilterName, filtersIn } from './edits/filters.ts'
import { drawScene } from './scene.ts'
import { grainOf } from './scenes/grain.ts'
import { withoutQuotes } from './scenes/vocabulary.ts'

export type ImageFormat = 'png' | 'jpeg'

export interface ImageRequest {
  prompt: string
  /** Pixels. */
  width: number
  height: number
  format: ImageFormat
  /** Varies images of one prompt: a seed, the index within `n`, a partial image. */
  variant?: string
  /** JPEG quality, 1-100. */
  compression?: number
  /** Transparent background; PNG only. */
  transparent?: boolean
}

export interface EditImageRequest extends ImageRequest {
  image: Buffer
  /** Reference images; shown as a strip, so that their arrival is visible. */
  references?: readonly Buffer[]
  /** PNG of the size of `image`; only pixels whose alpha is 0 are edited. */
  mask?: Buffer
}

const encode = (image: Sharp, { format, compression }: ImageRequest): Promise<Buffer> =>
  format === 'png'
    ? image.png({ compressionLevel: 5 }).toBuffer()
    : image
        .flatten({ background: '#ffffff' })
        .jpeg({ quality: Math.max(1, compression ?? 88) })
        .toBuffer()

const pngOf = (image: Sharp): Promise<Buffer> => image.png({ compressionLevel: 1 }).toBuffer()

/** Styles that a prompt can ask for; other effects of `edits/filters.ts` would be subjects here, such as snow. */
const styles: readonly FilterName[] = ['pixelate', 'painting', 'cartoon', 'sketch', 'blackAndWhite']

/** Draws the scene that the prompt describes, with the prompt, its size and the word "simulated" below it. */
export async function drawImage(request: ImageRequest): Promise<Buffer> {
  const { prompt, width, height, variant = '', transparent = false } = request
  const panel = await caption(prompt, `${width} × ${height} · simulated, not made by Azure`, { width, height })
  const scene = sharp(Buffer.from(drawScene({ prompt, width, height, variant, transparent })))
  if (transparent) return encode(sharp(await cutOut(scene, request)).composite(panel), request)
  const asked = filtersIn(withoutQuotes(prompt)).filter((name) => styles.includes(name))
  const grain = grainOf(prompt, width, height)
  if (asked.length === 0) return encode(scene.composite([...grain, ...panel]).removeAlpha(), request)
  let styled = await pngOf(scene.removeAlpha())
  for (const name of asked) styled = await applyFilter(name, styled, { width, height })
  return encode(
    sharp(styled)
      .composite([...grain, ...panel])
      .removeAlpha(),
    request,
  )
}

/** A scene without a subject of its own still has to leave a transparent part. */
function cutOut(scene: Sharp, { width, height }: ImageRequest): Promise<Buffer> {
  const disc = Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><ellipse cx="${width / 2}" cy="${height / 2}" rx="${width * 0.46}" ry="${height * 0.46}"/></svg>`,
  )
  return pngOf(scene.ensureAlpha().composite([{ input: disc, blend: 'dest-in' }]))
}

/** Edits the image as far as `edit.ts` can; a caption says what was done and what was not. */
export async function editImage(request: EditImageRequest): Promise<Buffer> {
  const { image, width, height, mask } = request
  // Any format that sharp reads; cropped around the centre to the requested size.
  const source = await pngOf(sharp(image).resize(width, height, { fit: 'cover' }).removeAlpha())
  const edited = await applyEdits(source, request)
  const strip = await referenceStrip(request.references ?? [], width, height)
  const whole = sharp(edited.image)
    .composite([...strip, ...(await editLabel(request.prompt, edited))])
    .removeAlpha()
  if (mask === undefined) return encode(whole, request)
  const opening = await sharp(mask).resize(width, height, { fit: 'cover' }).png().toBuffer()
  const protectedPart = await pngOf(
    sharp(source)
      .ensureAlpha()
      .composite([{ input: opening, blend: 'dest-in' }]),
  )
  return encode(
    sharp(await pngOf(whole))
      .composite([{ input: protectedPart }])
      .removeAlpha(),
    request,
  )
}

/** Within the area that may change, where a mask would hide it otherwise. */
async function editLabel(prompt: string, { done, missing, area }: EditResult): Promise<OverlayOptions[]> {
  const note = ['simulated edit', ...(done.length > 0 ? [done.join(', ')] : [])].join(': ')
  const layers =
    missing.length === 0
      ? await badge(note, area)
      : await caption(prompt.trim() || '(empty prompt)', `${note} · not simulated: ${missing.join('; ')}`, area, 0.9)
  return layers.map((layer) => ({ ...layer, left: (layer.left ?? 0) + area.left, top: (layer.top ?? 0) + area.top }))
}

async function referenceStrip(references: readonly Buffer[], width: number, height: number) {
  const side = Math.floor(Math.min(width / (references.length + 1), height / 5))
  if (references.length === 0 || side < 8) return []
  const gap = Math.max(1, Math.round(side / 16))
  return Promise.all(
    references.map(async (reference, i) => ({
      input: await sharp(reference)
        .resize(side, side, { fit: 'cover' })
        .extend({ top: gap, bottom: gap, left: gap, right: gap, background: '#ffffff' })
        .resize(side, side)
        .png({ compressionLevel: 1 })
        .toBuffer(),
      left: gap + i * side,
      top: gap,
    })),
  )
}
