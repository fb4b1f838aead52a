import sharp, { type Sharp } from 'sharp'
import { badge, caption } from './caption.ts'
import { applyEdits } from './edit.ts'
import { drawScene } from './scene.ts'

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

/** Draws a landscape that shows the prompt, its size and the word "simulated". */
export async function drawImage(request: ImageRequest): Promise<Buffer> {
  const { prompt, width, height, variant = '', transparent } = request
  const note = `${width} × ${height} · simulated, not made by Azure`
  const panel = await caption(prompt, note, width, height)
  const scene = sharp(Buffer.from(drawScene(prompt, width, height, variant)))
  if (transparent !== true) return encode(scene.composite(panel).removeAlpha(), request)
  const disc = Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><ellipse cx="${width / 2}" cy="${height / 2}" rx="${width * 0.46}" ry="${height * 0.46}"/></svg>`,
  )
  const cut = await scene
    .ensureAlpha()
    .composite([{ input: disc, blend: 'dest-in' }])
    .png()
    .toBuffer()
  return encode(sharp(cut).composite(panel), request)
}

/** Edits the image by the words of the prompt that `edit.ts` knows. */
export async function editImage(request: EditImageRequest): Promise<Buffer> {
  const { image, width, height, mask } = request
  // Any format that sharp reads; cropped around the centre to the requested size.
  const source = await sharp(image)
    .resize(width, height, { fit: 'cover' })
    .removeAlpha()
    .png({ compressionLevel: 1 })
    .toBuffer()
  const edited = await applyEdits(source, request)
  const strip = await referenceStrip(request.references ?? [], width, height)
  const label = await badge('simulated edit', width, height)
  const whole = sharp(edited)
    .composite([...strip, ...label])
    .removeAlpha()
  if (mask === undefined) return encode(whole, request)
  const stored = await sharp(source)
    .ensureAlpha()
    .composite([
      { input: await sharp(mask).resize(width, height, { fit: 'cover' }).png().toBuffer(), blend: 'dest-in' },
    ])
    .png({ compressionLevel: 1 })
    .toBuffer()
  const changed = await whole.png({ compressionLevel: 1 }).toBuffer()
  return encode(
    sharp(changed)
      .composite([{ input: stored }])
      .removeAlpha(),
    request,
  )
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
