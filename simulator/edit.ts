import sharp from 'sharp'
import { applyFilter, type FilterName, type Size } from './edits/filters.ts'
import {
  type Area,
  addObjects,
  blurBackground,
  fillArea,
  replaceBackground,
  rotate,
  tint,
  writeText,
} from './edits/objects.ts'
import { type Action, readEdit } from './edits/reading.ts'
import { subjectsIn } from './scenes/vocabulary.ts'

export interface EditOptions extends Size {
  prompt: string
  /** PNG of the size of the image; pixels whose alpha is 0 may change. */
  mask?: Buffer | undefined
}

export interface EditResult {
  image: Buffer
  /** What was done, for the caption. */
  done: readonly string[]
  /** What the prompt asks for and the simulator cannot do. */
  missing: readonly string[]
  area: Area
}

const filterNotes: Partial<Record<FilterName, string>> = {
  blackAndWhite: 'black and white',
  zoomIn: 'zoom in',
  zoomOut: 'zoom out',
}

interface Stage extends Size {
  area: Area
  mask: Buffer | undefined
}

interface Outcome {
  image: Buffer
  done?: string
  missing?: string
}

/** Without a mask a thing cannot be told from the rest of the image. */
const onlyWhole = (thing: string | undefined, { mask }: Stage): { missing?: string } =>
  thing === undefined || mask !== undefined
    ? {}
    : { missing: `finding "${thing}" without a mask: the whole image changed` }

const quotedClause = (clause: string): string => `"${clause.trim()}"`

async function apply(image: Buffer, action: Action, stage: Stage): Promise<Outcome> {
  switch (action.kind) {
    case 'filter': {
      const filtered = await applyFilter(action.name, image, stage)
      return { image: filtered, done: filterNotes[action.name] ?? action.name, ...onlyWhole(action.thing, stage) }
    }
    case 'rotate':
      return { image: await rotate(image, action.degrees, stage), done: `rotated by ${action.degrees}°` }
    case 'tint': {
      const tinted = await tint(image, action.colour, stage)
      return { image: tinted, done: 'tinted', ...onlyWhole(action.thing, stage) }
    }
    case 'keep':
      return { image, ...(subjectsIn(action.clause).length > 0 ? onlyWhole(action.clause.trim(), stage) : {}) }
    case 'add': {
      const names = action.found.map(({ name }) => name).join(', ')
      return {
        image: await addObjects(image, action.found, action.clause, stage, stage.area, stage.mask !== undefined),
        done: `added ${names}`,
      }
    }
    case 'remove':
      // Without a mask nothing says where the thing is.
      return stage.mask === undefined
        ? { image, missing: `${quotedClause(action.clause)}, which needs a mask` }
        : { image: await fillArea(image, stage.mask, stage), done: 'filled the masked area' }
    case 'background':
      return {
        image: await replaceBackground(image, action.scene, stage),
        done: 'background replaced',
        missing: 'finding the subject: its middle is kept',
      }
    case 'blurBackground':
      return {
        image: await blurBackground(image, stage),
        done: 'background blurred',
        missing: 'finding the subject: its middle stays sharp',
      }
    case 'text':
      return { image: await writeText(image, action.text, stage, stage.area), done: 'text' }
    case 'unknown':
      return { image, missing: quotedClause(action.clause) }
  }
}

/** The smallest rectangle around what a mask opens; the whole image without a mask. */
async function areaOf(mask: Buffer | undefined, { width, height }: Size): Promise<Area> {
  const all = { left: 0, top: 0, width, height }
  if (mask === undefined) return all
  const alpha = await sharp(mask)
    .resize(width, height, { fit: 'cover' })
    .ensureAlpha()
    .extractChannel(3)
    .raw()
    .toBuffer()
  let [left, top, right, bottom] = [width, height, -1, -1]
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if ((alpha[y * width + x] ?? 255) > 127) continue
      left = Math.min(left, x)
      right = Math.max(right, x)
      top = Math.min(top, y)
      bottom = y
    }
  }
  return right < 0 ? all : { left, top, width: right - left + 1, height: bottom - top + 1 }
}

/** Does to a PNG of `width` × `height` what the prompt asks for, as far as the simulator can, one step after the other. */
export async function applyEdits(source: Buffer, { prompt, mask, width, height }: EditOptions): Promise<EditResult> {
  const area = await areaOf(mask, { width, height })
  const done: string[] = []
  const missing: string[] = []
  let image = source
  for (const action of readEdit(prompt)) {
    const outcome = await apply(image, action, { width, height, area, mask })
    image = outcome.image
    if (outcome.done !== undefined) done.push(outcome.done)
    if (outcome.missing !== undefined) missing.push(outcome.missing)
  }
  if (done.length === 0 && missing.length === 0) missing.push(quotedClause(prompt.trim() || 'an empty prompt'))
  return { image, done, missing, area }
}
