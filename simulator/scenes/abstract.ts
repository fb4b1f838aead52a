import type { Frame } from './settings.ts'
import { type Dice, darker, gradient, type Layer, lighter, mix, pick, px } from './svg.ts'

/** Images without a subject, and the disc of a logo. */

type Palette = readonly [string, string, string, string, string]

const palettes: readonly [Palette, ...Palette[]] = [
  ['#1d2b53', '#e4572e', '#f3a712', '#a8c686', '#f7f3e9'],
  ['#22223b', '#4a4e69', '#c9ada7', '#f2e9e4', '#e07a5f'],
  ['#073b4c', '#118ab2', '#06d6a0', '#ffd166', '#ef476f'],
  ['#2d1e2f', '#7b2d8b', '#e15a97', '#f6ae2d', '#f2e8cf'],
  ['#0b3c49', '#731963', '#ee6c4d', '#98c1d9', '#fffdfd'],
]

const paletteOf = (dice: Dice, colour: string | undefined): Palette =>
  colour === undefined
    ? pick(dice, palettes)
    : [darker(colour, 0.65), colour, lighter(colour, 0.35), mix(colour, '#f3a712', 0.6), '#f7f3e9']

const onOf = (dice: Dice, [, ...colours]: Palette): string => colours[Math.floor(dice() * colours.length)] ?? '#fff'

function shapes({ width, height, unit }: Frame, dice: Dice, palette: Palette): string {
  return Array.from({ length: 26 }, () => {
    const [x, y, size] = [dice() * width, dice() * height, unit * (40 + dice() ** 2 * 260)]
    const paint = `fill="${onOf(dice, palette)}" opacity="${(0.7 + dice() * 0.3).toFixed(2)}"`
    const turn = `transform="rotate(${Math.floor(dice() * 4) * 45} ${px(x)} ${px(y)})"`
    return pick(dice, [
      `<circle cx="${px(x)}" cy="${px(y)}" r="${px(size / 2)}" ${paint}/>`,
      `<rect x="${px(x - size / 2)}" y="${px(y - size / 2)}" width="${px(size)}" height="${px(size * (0.2 + dice() * 0.8))}" ${paint} ${turn}/>`,
      `<path d="M${px(x - size / 2)} ${px(y + size / 2)}h${px(size)}L${px(x)} ${px(y - size / 2)}Z" ${paint} ${turn}/>`,
      `<path d="M${px(x - size / 2)} ${px(y)}a${px(size / 2)} ${px(size / 2)} 0 0 1 ${px(size)} 0Z" ${paint} ${turn}/>`,
      `<circle cx="${px(x)}" cy="${px(y)}" r="${px(size / 2)}" fill="none" stroke="${onOf(dice, palette)}" stroke-width="${px(size / 9)}"/>`,
    ] as const)
  }).join('')
}

function waves({ width, height, unit }: Frame, dice: Dice, palette: Palette): string {
  const count = 9
  return Array.from({ length: count }, (_, i) => {
    const y = height * (0.08 + (i / count) * 0.95)
    const bend = () => px((dice() - 0.5) * unit * 260)
    return `<path d="M0 ${px(y)}q${px(width / 4)} ${bend()} ${px(width / 2)} 0t${px(width / 2)} ${bend()}V${height}H0Z" fill="${palette[1 + (i % 4)]}" opacity=".88"/>`
  }).join('')
}

function rays({ width, height, unit }: Frame, dice: Dice, palette: Palette): string {
  const [x, y, far] = [width * (0.2 + dice() * 0.6), height * (0.25 + dice() * 0.5), width + height]
  const count = 18 + Math.floor(dice() * 10)
  const wedges = Array.from({ length: count }, (_, i) => {
    const [a, b] = [(i / count) * Math.PI * 2, ((i + 0.55) / count) * Math.PI * 2]
    return `<path d="M${px(x)} ${px(y)}L${px(x + Math.cos(a) * far)} ${px(y + Math.sin(a) * far)}L${px(x + Math.cos(b) * far)} ${px(y + Math.sin(b) * far)}Z" fill="${palette[1 + (i % 4)]}"/>`
  }).join('')
  const rings = [230, 165, 100, 45]
    .map((r, i) => `<circle cx="${px(x)}" cy="${px(y)}" r="${px(unit * r)}" fill="${palette[i % 2 === 0 ? 0 : 4]}"/>`)
    .join('')
  return wedges + rings
}

/** Shapes, waves or rays in the colours that the prompt names, else in a palette. */
export function abstract(frame: Frame, colour: string | undefined, text: string, dice: Dice): Layer {
  const palette = paletteOf(dice, colour)
  const picked = pick(dice, [shapes, waves, rays] as const)
  const draw = /wave|flow|波/i.test(text) ? waves : /geometric|shape|bauhaus|几何/i.test(text) ? shapes : picked
  return {
    defs: gradient('ground', [palette[0], mix(palette[0], palette[4], 0.2)]),
    body: `<rect width="${frame.width}" height="${frame.height}" fill="url(#ground)"/>${draw(frame, dice, palette)}`,
  }
}

/** The disc of a logo, and below its mark two lines in place of a name. `isCut`: on a transparent background. */
export function logoDisc(
  { width, height, unit }: Frame,
  colour: string,
  isCut: boolean,
): { body: string; radius: number } {
  const [x, y, radius] = [width / 2, height * 0.42, unit * 330]
  const ground = isCut ? '' : `<rect width="${width}" height="${height}" fill="#faf8f4"/>`
  return {
    radius,
    body: `${ground}<circle cx="${px(x)}" cy="${px(y)}" r="${px(radius)}" fill="${colour}"/><circle cx="${px(x)}" cy="${px(y)}" r="${px(radius * 0.9)}" fill="none" stroke="#fff" stroke-width="${px(radius * 0.03)}"/>`,
  }
}

/** A mark for a logo that names no subject, in a square from -500 to 500. */
export function monogram(dice: Dice): string {
  return pick(dice, [
    '<path d="M-380 330L-60 -400H60L380 330H240L0 -220L-240 330Z" fill="#fff"/><circle cx="0" cy="260" r="90" fill="#fff"/>',
    '<path d="M0 -420L364 -210V210L0 420L-364 210V-210Z" fill="none" stroke="#fff" stroke-width="80"/><path d="M0 -190L164 -95V95L0 190L-164 95V-95Z" fill="#fff"/>',
    '<path d="M-400 0A400 400 0 0 1 400 0H220A220 220 0 0 0 -220 0ZM-400 80H400A400 400 0 0 1 0 420A400 400 0 0 1 -400 80Z" fill="#fff"/>',
  ] as const)
}
