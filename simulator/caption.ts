import { createRequire } from 'node:module'
import sharp, { type OverlayOptions } from 'sharp'

// From a package, since containers may have no font at all, and captions may be Chinese.
const require = createRequire(import.meta.url)
const regular = require.resolve('@expo-google-fonts/noto-sans-sc/400Regular/NotoSansSC_400Regular.ttf')
const bold = require.resolve('@expo-google-fonts/noto-sans-sc/700Bold/NotoSansSC_700Bold.ttf')

export interface TextBlock {
  /** RGBA pixels. */
  data: Buffer
  width: number
  height: number
}

const escapeMarkup = (text: string): string =>
  text.replace(/[&<>]/g, (sign) => (sign === '&' ? '&amp;' : sign === '<' ? '&lt;' : '&gt;'))

// Pango rejects the whole text for one control character or lone surrogate, which XML does not allow.
const printable = (text: string): string => text.toWellFormed().replace(/\p{Cc}+/gu, ' ')

const shorten = (text: string, most: number): string => {
  const signs = [...text]
  return signs.length > most ? `${signs.slice(0, most - 1).join('')}…` : text
}

/** Renders text on a transparent background, wrapped to `width` pixels. */
export async function renderText(
  text: string,
  options: { width: number; fontPx: number; color: string; weight?: 'regular' | 'bold'; most?: number },
): Promise<TextBlock> {
  const safe = escapeMarkup(shorten(printable(text).trim() || '·', options.most ?? 220))
  const isBold = options.weight === 'bold'
  const { data, info } = await sharp({
    text: {
      text: `<span foreground="${options.color}">${safe}</span>`,
      font: `Noto Sans SC${isBold ? ' Bold' : ''} ${Math.max(6, Math.round(options.fontPx))}`,
      fontfile: isBold ? bold : regular,
      width: Math.max(16, Math.round(options.width)),
      rgba: true,
      wrap: 'word-char',
    },
  })
    .raw()
    .toBuffer({ resolveWithObject: true })
  return { data, width: info.width, height: info.height }
}

const rounded = (width: number, height: number, radius: number, fill: string): Buffer =>
  Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><rect width="${width}" height="${height}" rx="${radius}" fill="${fill}"/></svg>`,
  )

/** Crops a text block to the image, since libvips rejects an overlay that is larger. */
export async function overlay(
  block: TextBlock,
  left: number,
  top: number,
  capacity: { width: number; height: number },
) {
  const width = Math.min(block.width, capacity.width - left)
  const height = Math.min(block.height, capacity.height - top)
  if (width < 1 || height < 1) return []
  const raw = { width: block.width, height: block.height, channels: 4 as const }
  const input =
    width === block.width && height === block.height
      ? block.data
      : await sharp(block.data, { raw }).extract({ left: 0, top: 0, width, height }).raw().toBuffer()
  const cut: OverlayOptions = { input, raw: { width, height, channels: 4 }, left, top }
  return [cut]
}

/** The panel at the bottom of an image: the prompt and, below it, `note`; `opacity` covers what is below it. */
export async function caption(
  text: string,
  note: string,
  { width, height }: { width: number; height: number },
  opacity = 0.46,
): Promise<OverlayOptions[]> {
  const unit = Math.min(width, height) / 1000
  const [margin, pad] = [Math.round(unit * 36), Math.round(unit * 28)]
  const inner = width - 2 * (margin + pad)
  if (inner < 40 || height < 80) return []
  const [title, small] = await Promise.all([
    renderText(text, { width: inner, fontPx: unit * 34, color: '#ffffff', weight: 'bold', most: 150 }),
    renderText(note, { width: inner, fontPx: unit * 22, color: '#ffffffc8' }),
  ])
  const gap = Math.round(unit * 16)
  const panelHeight = Math.min(height - 2 * margin, title.height + gap + small.height + 2 * pad)
  const top = height - margin - panelHeight
  const capacity = { width: width - margin, height: height - margin }
  return [
    {
      input: rounded(width - 2 * margin, panelHeight, Math.round(unit * 24), `rgba(8,12,24,${opacity})`),
      left: margin,
      top,
    },
    ...(await overlay(title, margin + pad, top + pad, capacity)),
    ...(await overlay(small, margin + pad, top + pad + title.height + gap, capacity)),
  ]
}

/** A small grey label in the lower right corner. */
export async function badge(
  text: string,
  { width, height }: { width: number; height: number },
): Promise<OverlayOptions[]> {
  const unit = Math.min(width, height) / 1000
  const pad = Math.max(2, Math.round(unit * 12))
  const block = await renderText(text, { width: width * 0.9, fontPx: unit * 20, color: '#ffffff', most: 120 })
  const [boxWidth, boxHeight] = [block.width + 2 * pad, block.height + 2 * pad]
  const [left, top] = [width - boxWidth - pad, height - boxHeight - pad]
  if (left < 0 || top < 0) return []
  return [
    { input: rounded(boxWidth, boxHeight, pad, 'rgba(0,0,0,0.55)'), left, top },
    ...(await overlay(block, left + pad, top + pad, { width, height })),
  ]
}
