import type { Frame } from './settings.ts'
import type { Setting } from './subject.ts'
import { type Dice, type Layer, mix, pick, px } from './svg.ts'

/** Landscapes: a mountain lake, the sea, meadows, a desert. */

/** Sky, light and colours. */
export interface Mood {
  /** Sky from the zenith to the horizon. */
  sky: readonly [string, string, string, string]
  /** Colours of the farthest and of the nearest ridge. */
  haze: string
  near: string
  light: string
  /** Height of the light, from 0 at the top of the sky to 1 at the shore. */
  sun: number
  /** Share of all stars that are visible; 0 by day. */
  stars: number
  words: RegExp
}

const moods: readonly [Mood, ...Mood[]] = [
  {
    sky: ['#2b1b52', '#8a3b73', '#f0736a', '#ffd08a'],
    haze: '#e08a7d',
    near: '#1d1433',
    light: '#fff1c9',
    sun: 0.6,
    stars: 0.25,
    words: /sunset|dusk|evening|日落|夕阳|黄昏|傍晚/i,
  },
  {
    sky: ['#040a24', '#0d1f4d', '#23407d', '#5b7bb0'],
    haze: '#4d6da3',
    near: '#050a1a',
    light: '#f4f7ff',
    sun: 0.25,
    stars: 1,
    words: /night|moon|star|space|galaxy|夜|月|星|宇宙/i,
  },
  {
    sky: ['#2f6fc4', '#6aa9e4', '#b5dcf4', '#f6f3dc'],
    haze: '#b4d2e2',
    near: '#123f3b',
    light: '#fffbe0',
    sun: 0.36,
    stars: 0,
    words: /day|summer|sea|ocean|beach|lake|spring|白天|夏|海|湖|春/i,
  },
  {
    sky: ['#26466f', '#6f88b3', '#e9a9a0', '#fde3c0'],
    haze: '#d3b3bd',
    near: '#20304a',
    light: '#fff6e6',
    sun: 0.54,
    stars: 0.08,
    words: /dawn|sunrise|morning|snow|winter|日出|清晨|早晨|雪|冬/i,
  },
  {
    sky: ['#0d3b3e', '#1d6b63', '#7bb58b', '#f3e7a6'],
    haze: '#a3c795',
    near: '#08241f',
    light: '#fffad0',
    sun: 0.4,
    stars: 0,
    words: /forest|jungle|green|tree|garden|森林|绿|树|花园/i,
  },
  {
    sky: ['#3d1f3f', '#a0463f', '#e88f4d', '#ffe0a0'],
    haze: '#e3a366',
    near: '#37161c',
    light: '#fff4cf',
    sun: 0.56,
    stars: 0.1,
    words: /desert|autumn|fire|volcano|warm|沙漠|秋|火/i,
  },
]

/** Heights in [0, 1] along a ridge: octaves of smooth noise. */
function ridge(dice: Dice, points: number, roughness: number): number[] {
  const heights = new Array<number>(points + 1).fill(0)
  let weight = 1
  let total = 0
  for (let cells = 2 + Math.floor(dice() * 2); cells < points; cells *= 2) {
    const knots = Array.from({ length: cells + 2 }, dice)
    for (let i = 0; i <= points; i++) {
      const at = (i / points) * cells
      const cell = Math.floor(at)
      const t = at - cell
      const [a, b] = [knots[cell] ?? 0, knots[cell + 1] ?? 0]
      heights[i] = (heights[i] ?? 0) + weight * (a + (b - a) * t * t * (3 - 2 * t))
    }
    total += weight
    weight *= roughness
  }
  return heights.map((height) => height / total)
}

interface Canvas extends Frame {
  /** Where land meets water, or the sky meets the land. */
  shore: number
}

function skyAndLight({ width, height, unit, shore }: Canvas, mood: Mood, dice: Dice): Layer {
  const [x, y] = [width * (0.25 + dice() * 0.5), shore * (mood.sun + dice() * 0.12)]
  const radius = unit * (50 + dice() * 35)
  const stops = mood.sky.map((color, i) => `<stop offset="${i / 3}" stop-color="${color}"/>`).join('')
  const defs =
    `<linearGradient id="sky" x1="0" y1="0" x2="0" y2="1">${stops}</linearGradient>` +
    `<radialGradient id="glow"><stop offset="0" stop-color="${mood.light}" stop-opacity=".85"/>` +
    `<stop offset=".18" stop-color="${mood.light}" stop-opacity=".35"/><stop offset="1" stop-color="${mood.light}" stop-opacity="0"/></radialGradient>`
  const stars = Array.from({ length: Math.round(mood.stars * 170) }, () => {
    const [cx, cy] = [dice() * width, dice() ** 1.4 * shore * 0.8]
    return `<circle cx="${px(cx)}" cy="${px(cy)}" r="${px(unit * (0.7 + dice() * 1.5))}" opacity="${(0.35 + dice() * 0.65).toFixed(2)}"/>`
  })
  const body =
    `<rect width="${width}" height="${px(shore + 1)}" fill="url(#sky)"/><g fill="#fff">${stars.join('')}</g>` +
    `<circle cx="${px(x)}" cy="${px(y)}" r="${px(radius * 6)}" fill="url(#glow)"/>` +
    `<circle cx="${px(x)}" cy="${px(y)}" r="${px(radius)}" fill="${mood.light}"/>` +
    clouds({ width, height, unit, shore }, mood, dice)
  return { defs, body }
}

function clouds({ width, unit, shore }: Canvas, mood: Mood, dice: Dice): string {
  const banks = Array.from({ length: mood.stars === 1 ? 2 : 4 }, () => {
    const [x, y, size] = [dice() * width, shore * (0.12 + dice() * 0.4), unit * (60 + dice() * 70)]
    const puffs = Array.from({ length: 7 }, (_, i) => {
      const across = (i - 3) / 3
      const [rx, ry] = [size * (0.9 + dice() * 0.6), size * 0.16 * (1.2 - Math.abs(across)) * (0.7 + dice() * 0.6)]
      return `<ellipse cx="${px(x + across * size * 1.7)}" cy="${px(y + (dice() - 0.5) * size * 0.14)}" rx="${px(rx)}" ry="${px(ry)}"/>`
    })
    return `<g fill="${mix(mood.light, mood.sky[2], 0.35)}" opacity="${(0.1 + dice() * 0.1).toFixed(2)}">${puffs.join('')}</g>`
  })
  return banks.join('')
}

const layers = 5

function mountains(canvas: Canvas, mood: Mood, dice: Dice): Layer {
  const { width, unit, shore } = canvas
  const points = 160
  let defs = ''
  let body = ''
  for (let layer = 0; layer < layers; layer++) {
    const depth = layer / (layers - 1)
    const tallest = shore * (0.52 - depth * 0.4)
    const heights = ridge(dice, points, 0.46 + dice() * 0.05)
    const tops = heights.map((h, i): [number, number] => [
      (i / points) * width,
      shore - tallest * (0.12 + h * 0.95) + depth * unit * 8,
    ])
    const line = tops.map(([x, y]) => `L${px(x)} ${px(y)}`).join('')
    const color = mix(mood.haze, mood.near, depth ** 1.15 * 0.92 + 0.06)
    defs +=
      `<linearGradient id="l${layer}" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="${color}"/>` +
      `<stop offset="1" stop-color="${mix(mood.haze, mood.near, depth * 0.72)}"/></linearGradient>`
    body += `<path d="M0 ${px(shore + 2)}${line}L${width} ${px(shore + 2)}Z" fill="url(#l${layer})"/>`
    if (layer >= layers - 2) body += trees(tops, canvas, mix(mood.haze, mood.near, 0.75 + depth * 0.25), dice)
  }
  return { defs, body }
}

function trees(tops: [number, number][], { unit, shore }: Canvas, color: string, dice: Dice): string {
  let d = ''
  for (const [x, y] of tops) {
    if (dice() > 0.62) continue
    const [tall, wide] = [unit * (16 + dice() * 34), unit * (5 + dice() * 5)]
    const foot = Math.min(shore, y + unit * 6)
    const at = x + (dice() - 0.5) * unit * 8
    for (let tier = 0; tier < 3; tier++) {
      const [top, spread] = [foot - tall * (1 - tier * 0.28), wide * (0.5 + tier * 0.28)]
      d += `M${px(at)} ${px(top)}L${px(at + spread)} ${px(top + tall * 0.46)}L${px(at - spread)} ${px(top + tall * 0.46)}Z`
    }
  }
  return `<path d="${d}" fill="${color}"/>`
}

function birds({ width, unit, shore }: Canvas, mood: Mood, dice: Dice): string {
  const [x, y] = [width * (0.2 + dice() * 0.55), shore * (0.22 + dice() * 0.15)]
  const strokes = Array.from({ length: 5 + Math.floor(dice() * 4) }, () => {
    const [bx, by, s] = [x + (dice() - 0.5) * unit * 240, y + (dice() - 0.5) * unit * 90, unit * (7 + dice() * 8)]
    return `M${px(bx - s)} ${px(by - s * 0.3)}Q${px(bx - s * 0.4)} ${px(by - s * 0.7)} ${px(bx)} ${px(by)}Q${px(bx + s * 0.4)} ${px(by - s * 0.7)} ${px(bx + s)} ${px(by - s * 0.3)}`
  })
  return `<path d="${strokes.join('')}" fill="none" stroke="${mood.near}" stroke-width="${px(unit * 2.2)}" stroke-linecap="round" opacity=".75"/>`
}

/** The lake: the land mirrored and darkened, with reflections of the light. */
function lake({ width, height, unit, shore }: Canvas, mood: Mood, dice: Dice): Layer {
  const defs = `<linearGradient id="deep" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="${mood.near}" stop-opacity=".12"/><stop offset="1" stop-color="${mood.near}" stop-opacity=".82"/></linearGradient>`
  const strips = Array.from({ length: 70 }, () => {
    const depth = dice()
    const long = unit * (20 + 130 * depth)
    const y = shore + unit * 4 + depth * (height - shore)
    return `<rect x="${px(dice() * width - long / 2)}" y="${px(y)}" width="${px(long)}" height="${px(unit * (0.8 + depth * 1.8))}" rx="${px(unit)}" opacity="${(0.06 + dice() * 0.16).toFixed(2)}"/>`
  })
  const body =
    `<g clip-path="url(#water)"><use href="#land" transform="translate(0 ${px(shore * 2)}) scale(1 -1)"/>` +
    `<rect y="${px(shore)}" width="${width}" height="${px(height - shore)}" fill="url(#deep)"/><g fill="${mood.light}">${strips.join('')}</g></g>` +
    `<rect y="${px(shore - unit)}" width="${width}" height="${px(unit * 2)}" fill="${mood.light}" opacity=".22"/>`
  return {
    defs: `${defs}<clipPath id="water"><rect y="${px(shore)}" width="${width}" height="${px(height - shore)}"/></clipPath>`,
    body,
  }
}

/** The open sea with a beach in front of it. */
function sea({ width, height, unit, shore }: Canvas, mood: Mood, dice: Dice): Layer {
  const beach = height * 0.9
  const crests = Array.from({ length: 60 }, () => {
    const depth = dice()
    const [x, y, long] = [dice() * width, shore + depth ** 1.5 * (beach - shore), unit * (24 + 120 * depth)]
    return `<path d="M${px(x - long)} ${px(y)}q${px(long / 2)} ${px(-unit * 9 * depth)} ${px(long)} 0t${px(long)} 0" stroke-width="${px(unit * (1 + depth * 4))}" opacity="${(0.12 + dice() * 0.3).toFixed(2)}"/>`
  }).join('')
  const water = mix(mood.sky[1], '#0f5f8f', 0.55)
  return {
    defs: `<linearGradient id="deep" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="${mix(mood.sky[3], water, 0.5)}"/><stop offset="1" stop-color="${water}"/></linearGradient>`,
    body:
      `<rect y="${px(shore)}" width="${width}" height="${px(height - shore)}" fill="url(#deep)"/><g fill="none" stroke="${mood.light}">${crests}</g>` +
      `<path d="M0 ${px(beach)}Q${px(width * 0.3)} ${px(beach - unit * 40)} ${px(width * 0.6)} ${px(beach + unit * 10)}T${width} ${px(beach - unit * 20)}V${height}H0Z" fill="${mix('#ead3a0', mood.near, 0.25)}" stroke="#fff" stroke-opacity=".7" stroke-width="${px(unit * 9)}"/>`,
  }
}

/** Smooth hills, one behind the other, down to the lower edge. */
function hills({ width, height, unit, shore }: Canvas, far: string, near: string, spots: string, dice: Dice): string {
  const count = 5
  return Array.from({ length: count }, (_, i) => {
    const top = shore * 0.86 + ((height - shore * 0.86) * i) / count
    const [bend, colour] = [unit * (90 - i * 8), mix(far, near, i / (count - 1))]
    const at = () => px(top + (dice() - 0.5) * bend)
    const dots = Array.from({ length: spots === '' ? 0 : 26 }, () => {
      return `<circle cx="${px(dice() * width)}" cy="${px(top + bend + dice() * (height - top))}" r="${px(unit * (2 + i * 1.6))}"/>`
    }).join('')
    return `<path d="M0 ${at()}C${px(width * 0.25)} ${px(top - bend * dice())} ${px(width * 0.45)} ${px(top + bend * dice())} ${px(width * 0.6)} ${at()}S${px(width * 0.9)} ${px(top - bend * dice())} ${width} ${at()}V${height}H0Z" fill="${colour}"/><g fill="${spots}" opacity=".8">${dots}</g>`
  }).join('')
}

export type Terrain = Exclude<Setting, 'city' | 'interior' | 'underwater' | 'space'>

/** The mood that the prompt names or, if it names none, that the dice select. */
export function moodOf(text: string, dice: Dice): Mood {
  const picked = pick(dice, moods)
  return moods.find(({ words }) => words.test(text)) ?? picked
}

export function landscape(frame: Frame, terrain: Terrain, mood: Mood, dice: Dice): Layer {
  const level = terrain === 'lake' ? 0.66 : terrain === 'sea' ? 0.52 : 0.6
  const canvas: Canvas = { ...frame, shore: frame.height * (level + dice() * 0.06) }
  const sky = skyAndLight(canvas, mood, dice)
  const flock = birds(canvas, mood, dice)
  const near = sky.body + flock
  if (terrain === 'sea') {
    const water = sea(canvas, mood, dice)
    return { defs: sky.defs + water.defs, body: near + water.body }
  }
  if (terrain === 'desert') {
    const dunes = hills(canvas, mix('#f0c987', mood.haze, 0.4), mix('#b5742f', mood.near, 0.3), '', dice)
    return { defs: sky.defs, body: near + dunes }
  }
  if (terrain === 'meadow') {
    const flowers = pick(dice, ['#f7e06a', '#f6b3c8', '#ffffff', '#e07a5f'] as const)
    const fields = hills(canvas, mix('#a9c978', mood.haze, 0.35), mix('#3f7f3a', mood.near, 0.3), flowers, dice)
    return { defs: sky.defs, body: near + fields }
  }
  const land = mountains(canvas, mood, dice)
  const water = lake(canvas, mood, dice)
  return {
    defs: sky.defs + land.defs + water.defs,
    body: `<g id="land">${near}${land.body}</g>${water.body}`,
  }
}
