import { type FittedSize, formatSize, isSameSize } from '../imaging/size.ts'
import type { Size } from '../imaging/types.ts'
import { isSameShape } from '../parameters/size-fitting.ts'

/** What a call requested as the size of its image. */
export interface RequestedSize {
  /** The normalized argument, or the size of the image that the client sent. */
  text: string
  origin: 'argument' | 'image' | 'default'
  /** Only a shape was requested. */
  isRatio: boolean
  /** As it was sent to the model. */
  fitted: FittedSize
  /** A larger size that can be requested, if an edit without a size was limited. */
  larger?: Size | undefined
}

const origins = { argument: 'was requested', image: 'was sent', default: 'is the default' } as const

/** Reports the size of an image that has not the requested one. */
export function sizeNotes(image: Size, requested: RequestedSize | undefined, model: string): string[] {
  if (requested === undefined) return []
  const { text, origin, isRatio, fitted, larger } = requested
  const { target = fitted } = fitted
  if (isRatio ? isSameShape(image, target) : isSameSize(image, target)) return []
  const nearest = `this is the nearest ${isRatio ? 'shape' : 'size'} that ${model} generates`
  const more = larger && `for more pixels request a size, such as ${formatSize(larger)}`
  const reason = more ?? (isSameSize(image, fitted) ? nearest : undefined)
  return [`Size: ${formatSize(image)} (${text} ${origins[origin]}${reason === undefined ? '' : `; ${reason}`}).`]
}
