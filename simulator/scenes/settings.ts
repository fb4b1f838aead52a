import { type Dice, darker, gradient, type Layer, lighter, mix, pick, px } from './svg.ts'

/** Places without a horizon of their own: a city, a room, the sea from below, outer space, a studio. */

export interface Frame {
  width: number
  height: number
  /** One thousandth of the shorter edge, in pixels. */
  unit: number
}

function tower(dice: Dice, x: number, foot: number, tall: number, wide: number, colour: string, lit: number): string {
  const top = foot - tall
  const [columns, rows] = [
    Math.max(2, Math.round(wide / (tall / 14 + 8))),
    Math.max(4, Math.min(16, Math.round(tall / (wide / 4 + 1)))),
  ]
  let windows = ''
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      if (dice() > lit) continue
      const [wx, wy] = [x + ((column + 0.25) * wide) / columns, top + tall * 0.06 + (row * tall * 0.9) / rows]
      windows += `M${px(wx)} ${px(wy)}h${px((wide / columns) * 0.5)}v${px((tall / rows) * 0.45)}h${px((-wide / columns) * 0.5)}Z`
    }
  }
  const roof =
    dice() < 0.3
      ? `<path d="M${px(x + wide / 2)} ${px(top)}v${px(-tall * 0.16)}" stroke="${colour}" stroke-width="${px(wide * 0.06)}"/>`
      : ''
  return `${roof}<rect x="${px(x)}" y="${px(top)}" width="${px(wide)}" height="${px(tall)}" fill="${colour}"/><path d="${windows}" fill="#ffdf8f" opacity=".85"/>`
}

/** A street between rows of towers, under a sky of the given colours. */
export function city({ width, height, unit }: Frame, sky: readonly string[], isNight: boolean, dice: Dice): Layer {
  const horizon = height * 0.74
  const near = isNight ? '#0b0f1e' : '#3a4254'
  const far = sky[2] ?? '#88a0c0'
  let body = `<rect width="${width}" height="${height}" fill="url(#sky)"/><circle cx="${px(width * (0.2 + dice() * 0.6))}" cy="${px(height * 0.18)}" r="${px(unit * 60)}" fill="#fff6da" opacity=".9"/>`
  for (let row = 0; row < 3; row++) {
    const colour = mix(far, near, 0.3 + row * 0.3)
    for (let x = -unit * 60 * dice(); x < width; ) {
      const wide = unit * (60 + dice() * 70) * (0.8 + row * 0.25)
      const tall = horizon * (0.78 - row * 0.2) * (0.45 + dice() * 0.55)
      body += tower(dice, x, horizon + 1, tall, wide, colour, (isNight ? 0.6 : 0.3) * (row === 0 ? 0.5 : 1))
      x += wide * (1.02 + dice() * 0.22)
    }
  }
  const [middle, bottom] = [width / 2, height]
  const marks = Array.from({ length: 6 }, (_, i) => {
    const [from, to] = [(i / 6) ** 1.7, ((i + 0.55) / 6) ** 1.7]
    const at = (share: number) => horizon + (bottom - horizon) * share
    const half = (share: number) => unit * (1 + share * 11)
    return `M${px(middle - half(from))} ${px(at(from))}H${px(middle + half(from))}L${px(middle + half(to))} ${px(at(to))}H${px(middle - half(to))}Z`
  }).join('')
  body += `<rect y="${px(horizon)}" width="${width}" height="${px(height - horizon)}" fill="${isNight ? '#161a2a' : '#8a8f98'}"/><path d="M${px(middle - unit * 40)} ${px(horizon)}H${px(middle + unit * 40)}L${px(middle + width * 0.42)} ${bottom}H${px(middle - width * 0.42)}Z" fill="${isNight ? '#232838' : '#565b66'}"/><path d="${marks}" fill="#f2d88a"/>`
  return { defs: gradient('sky', sky), body }
}

/** A wall with a window and a lamp, over a wooden floor. */
export function interior({ width, height, unit }: Frame, dice: Dice): Layer {
  const wall = pick(dice, ['#d9cdb8', '#b8c8c4', '#d0b8ac', '#c4c0d0'] as const)
  const floor = height * 0.72
  const [wx, wy, ww, wh] = [width * (0.1 + dice() * 0.1), height * 0.14, width * 0.3, height * 0.36]
  const boards = Array.from({ length: 5 }, (_, i) => {
    const y = floor + (height - floor) * (i / 5) ** 1.4
    return `M0 ${px(y)}H${width}`
  }).join('')
  const lamp = width * (0.68 + dice() * 0.16)
  return {
    defs: gradient('wall', [lighter(wall, 0.25), wall]) + gradient('glass', ['#8fc4ec', '#e6f4fb']),
    body:
      `<rect width="${width}" height="${height}" fill="url(#wall)"/><rect x="${px(wx)}" y="${px(wy)}" width="${px(ww)}" height="${px(wh)}" fill="url(#glass)" stroke="#fff" stroke-width="${px(unit * 14)}"/><path d="M${px(wx + ww / 2)} ${px(wy)}v${px(wh)}M${px(wx)} ${px(wy + wh / 2)}h${px(ww)}" stroke="#fff" stroke-width="${px(unit * 8)}"/>` +
      `<path d="M${px(lamp)} 0V${px(height * 0.2)}" stroke="#4a4238" stroke-width="${px(unit * 5)}"/><path d="M${px(lamp - unit * 80)} ${px(height * 0.27)}L${px(lamp - unit * 40)} ${px(height * 0.2)}h${px(unit * 80)}l${px(unit * 40)} ${px(height * 0.07)}Z" fill="#e0a84a"/>` +
      `<rect y="${px(floor)}" width="${width}" height="${px(height - floor)}" fill="#a3764c"/><path d="${boards}" stroke="#7d5636" stroke-width="${px(unit * 4)}"/><rect y="${px(floor - unit * 12)}" width="${width}" height="${px(unit * 14)}" fill="#fbf8f2"/>`,
  }
}

export function underwater({ width, height, unit }: Frame, dice: Dice): Layer {
  const rays = Array.from({ length: 5 }, () => {
    const x = dice() * width
    return `M${px(x)} 0h${px(unit * 70)}L${px(x - unit * 160)} ${height}h${px(-unit * 180)}Z`
  }).join('')
  const bubbles = Array.from({ length: 26 }, () => {
    const r = unit * (4 + dice() * 16)
    return `<circle cx="${px(dice() * width)}" cy="${px(dice() * height)}" r="${px(r)}"/>`
  }).join('')
  const weeds = Array.from({ length: 14 }, () => {
    const [x, tall] = [dice() * width, unit * (90 + dice() * 190)]
    return `M${px(x)} ${height}q${px(unit * 40)} ${px(-tall / 3)} 0 ${px((-tall * 2) / 3)}t0 ${px(-tall / 3)}`
  }).join('')
  return {
    defs: gradient('sea', ['#5cc4e0', '#1f78b4', '#0a2f5c']),
    body: `<rect width="${width}" height="${height}" fill="url(#sea)"/><path d="${rays}" fill="#fff" opacity=".1"/><g fill="none" stroke="#e6f8ff" stroke-opacity=".6" stroke-width="${px(unit * 3)}">${bubbles}</g><path d="${weeds}" fill="none" stroke="#2f8a5a" stroke-width="${px(unit * 16)}" stroke-linecap="round"/>`,
  }
}

/** Stars and a planet with a ring. */
export function space({ width, height, unit }: Frame, dice: Dice): Layer {
  const stars = Array.from(
    { length: 240 },
    () =>
      `<circle cx="${px(dice() * width)}" cy="${px(dice() * height)}" r="${px(unit * (0.7 + dice() ** 3 * 4))}" opacity="${(0.35 + dice() * 0.65).toFixed(2)}"/>`,
  ).join('')
  const colour = pick(dice, ['#d98a4a', '#6aa0d9', '#b06ac4', '#5ab08a'] as const)
  const [x, y, r] = [width * (0.3 + dice() * 0.4), height * (0.26 + dice() * 0.2), unit * (140 + dice() * 70)]
  const nebula = Array.from(
    { length: 4 },
    () =>
      `<circle cx="${px(dice() * width)}" cy="${px(dice() * height)}" r="${px(unit * (260 + dice() * 260))}" fill="url(#nebula${dice() < 0.5 ? 1 : 2})"/>`,
  ).join('')
  const ring = (flag: string) =>
    `<path d="M${px(x - r * 1.9)} ${px(y)}a${px(r * 1.9)} ${px(r * 0.5)} 0 0 ${flag} ${px(r * 3.8)} 0" fill="none" stroke="#f2dfb4" stroke-width="${px(r * 0.16)}" opacity=".85" transform="rotate(-18 ${px(x)} ${px(y)})"/>`
  const glow = (id: string, tone: string) =>
    `<radialGradient id="${id}"><stop offset="0" stop-color="${tone}" stop-opacity=".5"/><stop offset="1" stop-color="${tone}" stop-opacity="0"/></radialGradient>`
  return {
    defs:
      gradient('planet', [lighter(colour, 0.4), colour, darker(colour, 0.6)]) +
      glow('nebula1', '#6a3fb0') +
      glow('nebula2', '#2f6ab0'),
    body: `<rect width="${width}" height="${height}" fill="#060818"/>${nebula}<g fill="#fff">${stars}</g>${ring('1')}<circle cx="${px(x)}" cy="${px(y)}" r="${px(r)}" fill="url(#planet)"/>${ring('0')}`,
  }
}

/** A plain backdrop with a floor, as photographers use. */
export function studio({ width, height }: Frame, colour: string, dice: Dice): Layer {
  const tone = mix(lighter(colour, 0.72), pick(dice, ['#cfd8e6', '#e6dccf', '#d4e2d6', '#e2d2de'] as const), 0.6)
  return {
    defs:
      gradient('wall', [lighter(tone, 0.5), darker(tone, 0.12)]) +
      gradient('floor', [darker(tone, 0.05), darker(tone, 0.3)]),
    body: `<rect width="${width}" height="${height}" fill="url(#wall)"/><rect y="${px(height * 0.72)}" width="${width}" height="${px(height * 0.29)}" fill="url(#floor)"/>`,
  }
}
