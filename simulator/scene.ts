import { abstract, logoDisc, monogram } from './scenes/abstract.ts'
import { landscape, moodOf } from './scenes/landscape.ts'
import { city, type Frame, interior, space, studio, underwater } from './scenes/settings.ts'
import { createDice, type Dice, type Layer, pick, px } from './scenes/svg.ts'
import { describe, type FoundSubject, type SceneDescription } from './scenes/vocabulary.ts'

/** Draws, as SVG, the scene that the words of a prompt describe. Prompt, size and variant determine it completely. */

export interface SceneOptions {
  prompt: string
  /** Pixels. */
  width: number
  height: number
  variant: string
  /** Leaves out the background, where there is a subject. */
  transparent?: boolean
}

/** A subject in its square, standing at `foot`; its width and height are `size` pixels. */
export function placeSubject(
  { subject, colour, text }: FoundSubject,
  x: number,
  foot: number,
  size: number,
  dice: Dice,
): string {
  const look = { colour: colour ?? pick(dice, subject.colours), dice, text }
  const scale = size / 1000
  return `<g transform="translate(${px(x)} ${px(foot - size / 2)}) scale(${scale.toFixed(4)})">${subject.draw(look)}</g>`
}

function backdrop(
  frame: Frame,
  { setting, subjects, isNight, colour }: SceneDescription,
  text: string,
  dice: Dice,
): Layer {
  const place = setting ?? subjects.find(({ subject }) => subject.home !== undefined)?.subject.home
  switch (place) {
    case 'city': {
      const { sky } = moodOf(isNight ? 'night' : text, dice)
      return city(frame, sky, isNight, dice)
    }
    case 'interior':
      return interior(frame, dice)
    case 'underwater':
      return underwater(frame, dice)
    case 'space':
      return space(frame, dice)
    case undefined:
      return studio(frame, subjects[0]?.colour ?? colour ?? '#8fa3b8', dice)
    default:
      return landscape(frame, place, moodOf(text, dice), dice)
  }
}

/** Where subjects stand, so that the caption covers little of them. */
function stand(frame: Frame, subjects: readonly FoundSubject[], dice: Dice): string {
  const { width, height, unit } = frame
  const isPair = subjects.length > 1
  const room = Math.min(height * 0.72, isPair ? width * 0.48 : width * 0.82)
  return subjects
    .map((found, i) => {
      const x = isPair ? width * (i === 0 ? 0.28 : 0.72) : width * (0.46 + dice() * 0.08)
      const size = room * (found.subject.scale ?? 1)
      const floats = ['balloon', 'plane', 'fish', 'bird', 'sun', 'moon', 'cloud', 'star', 'heart'].includes(found.name)
      // A bust would end in a straight cut above the caption.
      const foot = floats ? height * 0.74 : found.name === 'person' ? height : height * 0.82
      const shadow = floats
        ? ''
        : `<ellipse cx="${px(x)}" cy="${px(foot)}" rx="${px(size * 0.4)}" ry="${px(unit * 16)}" opacity=".18"/>`
      return shadow + placeSubject(found, x, foot, size, dice)
    })
    .join('')
}

function logo(frame: Frame, { subjects, colour }: SceneDescription, isCut: boolean, dice: Dice): Layer {
  const ground = colour ?? pick(dice, ['#1f4e79', '#2a6f4f', '#8a2f3f', '#4a3a8a', '#20242c'] as const)
  const { body, radius } = logoDisc(frame, ground, isCut)
  const [x, y] = [frame.width / 2, frame.height * 0.42]
  const [subject] = subjects
  const size = radius * 1.15
  const mark =
    subject === undefined
      ? `<g transform="translate(${px(x)} ${px(y)}) scale(${(size / 1000).toFixed(4)})">${monogram(dice)}</g>`
      : placeSubject(
          { ...subject, colour: subject.colour === ground ? undefined : subject.colour },
          x,
          y + size / 2,
          size,
          dice,
        )
  return { defs: '', body: body + mark }
}

export function drawScene({ prompt, width, height, variant, transparent = false }: SceneOptions): string {
  const dice = createDice(`${prompt}\n${variant}`)
  const frame: Frame = { width, height, unit: Math.min(width, height) / 1000 }
  const described = describe(prompt)
  const isCut = transparent && (described.kind === 'logo' || described.subjects.length > 0)
  const layers: Layer[] =
    described.kind === 'logo'
      ? [logo(frame, described, isCut, dice)]
      : described.kind === 'abstract' && !isCut
        ? [abstract(frame, described.colour, prompt, dice)]
        : isCut
          ? []
          : [backdrop(frame, described, prompt, dice)]
  const subjects =
    described.kind === 'scene' || isCut ? stand(frame, described.kind === 'logo' ? [] : described.subjects, dice) : ''
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"><defs>${layers.map(({ defs }) => defs).join('')}</defs>` +
    `${layers.map(({ body }) => body).join('')}${subjects}</svg>`
  )
}
