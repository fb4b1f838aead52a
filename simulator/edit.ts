import sharp, { type Sharp } from 'sharp'
import { overlay, renderText } from './caption.ts'

interface EditSize {
  prompt: string
  width: number
  height: number
}

type Step = (image: Sharp, requested: EditSize) => Sharp | Promise<Sharp>

interface Edit {
  words: RegExp
  step: Step
}

const colours: readonly [RegExp, string][] = [
  [/\bred\b|crimson|红/i, '#e02020'],
  [/\borange\b|橙/i, '#f08010'],
  [/\byellow\b|golden|\bgold\b|黄|金色/i, '#f0c818'],
  [/\bgreen\b|绿/i, '#20b048'],
  [/\bcyan\b|\bteal\b|青/i, '#10b0b8'],
  [/\bblue\b|蓝/i, '#2050e8'],
  [/\bpurple\b|\bviolet\b|紫/i, '#8030d0'],
  [/\bpink\b|粉/i, '#f060a8'],
  [/\bwarm(er)?\b|暖/i, '#f0903c'],
  [/\bcool(er)?\b|\bcold(er)?\b|冷/i, '#4080f0'],
]

const degreesOf = (prompt: string): number => {
  const degrees = Number(/(-?\d{1,3})\s*(?:°|deg|度)/i.exec(prompt)?.[1] ?? (/upside|倒/i.test(prompt) ? 180 : 90))
  return /counter|anti-?clock|\bleft\b|逆时针|向左/i.test(prompt) ? -degrees : degrees
}

/** Blends the image half and half with its luminance in the hue of `colour`. */
const tint =
  (colour: string, share: number): Step =>
  async (image, { width, height }) => {
    const wash = { create: { width, height, channels: 4 as const, background: { ...rgbOf(colour), alpha: share } } }
    return image.composite([{ input: await sharp(wash).png().toBuffer(), blend: 'over' }])
  }

const rgbOf = (hex: string): { r: number; g: number; b: number } => {
  const value = Number.parseInt(hex.slice(1), 16)
  return { r: value >> 16, g: (value >> 8) & 255, b: value & 255 }
}

const quoted = (prompt: string): string | undefined => /["“”「『']([^"“”「」『』']{1,200})["“”」』']/u.exec(prompt)?.[1]

const writeText: Step = async (image, { prompt, width, height }) => {
  const edge = Math.min(width, height)
  const style = { width: width * 0.86, fontPx: edge / 11, weight: 'bold', most: 90 } as const
  const [ink, shade] = await Promise.all(
    ['#ffffff', '#000000b0'].map((color) => renderText(quoted(prompt) ?? prompt, { ...style, color })),
  )
  if (ink === undefined || shade === undefined) return image
  const [left, top] = [Math.max(0, (width - ink.width) >> 1), Math.max(0, (height - ink.height) >> 1)]
  const off = Math.max(1, Math.round(edge / 250))
  return image.composite([
    ...(await overlay(shade, left + off, top + off, { width, height })),
    ...(await overlay(ink, left, top, { width, height })),
  ])
}

const snow: Step = (image, { width, height }) => {
  const unit = Math.min(width, height) / 1000
  const flakes = Array.from({ length: 260 }, (_, i) => {
    // Steps by the golden ratio scatter evenly and reproducibly.
    const [x, y] = [(i * 0.618034 * width) % width, (i * 0.754878 * height) % height]
    return `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="${(unit * (2 + (i % 5) * 1.6)).toFixed(1)}" opacity="${0.5 + (i % 4) * 0.14}"/>`
  })
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><g fill="#fff">${flakes.join('')}</g></svg>`
  return image.composite([{ input: Buffer.from(svg) }])
}

const edits: readonly Edit[] = [
  {
    words: /rotat|turn it|upside|旋转|倒过来/i,
    step: (image, { prompt, width, height }) =>
      image
        .rotate(degreesOf(prompt), { background: '#ffffff' })
        .resize(width, height, { fit: 'contain', background: '#ffffff' }),
  },
  { words: /flip|翻转/i, step: (image) => image.flip() },
  { words: /mirror|镜像/i, step: (image) => image.flop() },
  {
    words: /blur|soft focus|模糊/i,
    step: (image, { width, height }) => image.blur(Math.max(0.6, Math.min(width, height) / 90)),
  },
  { words: /sharpen|锐化/i, step: (image) => image.sharpen({ sigma: 2 }) },
  {
    words: /pixel|mosaic|像素|马赛克/i,
    step: async (image, { width, height }) => {
      const coarse = { width: Math.max(1, width >> 5), height: Math.max(1, height >> 5) }
      return sharp(
        await image
          .resize({ ...coarse, fit: 'fill' })
          .png()
          .toBuffer(),
      ).resize(width, height, { kernel: 'nearest', fit: 'fill' })
    },
  },
  { words: /bright|lighten|变亮|提亮/i, step: (image) => image.modulate({ brightness: 1.35 }) },
  { words: /\bdark|变暗/i, step: (image) => image.modulate({ brightness: 0.6 }) },
  { words: /vivid|saturat|鲜艳/i, step: (image) => image.modulate({ saturation: 1.8 }) },
  {
    words: /sepia|vintage|old photo|复古|怀旧/i,
    step: (image) =>
      image.recomb([
        [0.39, 0.77, 0.19],
        [0.35, 0.69, 0.17],
        [0.27, 0.53, 0.13],
      ]),
  },
  { words: /invert|negative|反色|反转颜色|底片/i, step: (image) => image.negate({ alpha: false }) },
  ...colours.map(([words, colour]): Edit => ({ words, step: tint(colour, 0.42) })),
  { words: /\bsnow|雪/i, step: snow },
  // After all other edits but the text, since they would add colour again.
  {
    words: /black[ -]*(?:and|&)[ -]*white|gr[ae]y ?scale|monochrome|\bb&w\b|黑白|灰度/i,
    step: (image) => image.grayscale().toColourspace('srgb'),
  },
  { words: /\btext\b|\bwrite\b|\bwords?\b|\bcaption\b|\btitle\b|文字|写上|标题/i, step: writeText },
]

/** The fallback for a prompt without a known word: a blue tint with the prompt written across. */
const fallback: readonly Edit[] = [
  { words: /^/, step: tint('#3858c8', 0.35) },
  { words: /^/, step: writeText },
]

/**
 * Applies every edit that the prompt names, in a fixed order, to a PNG of `width` × `height`.
 * Each step renders its pixels, because sharp reorders the operations of a pipeline.
 */
export async function applyEdits(source: Buffer, requested: EditSize): Promise<Buffer> {
  // Quoted text is to be written into the image, not to be understood as an edit.
  const said = requested.prompt.replace(/["“「『][^"”」』]*["”」』]/gu, ' ')
  const named = edits.filter(({ words }) => words.test(said))
  let image = source
  for (const { step } of named.length > 0 ? named : fallback) {
    image = await (await step(sharp(image), requested)).png({ compressionLevel: 1 }).toBuffer()
  }
  return image
}
