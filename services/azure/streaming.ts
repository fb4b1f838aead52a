import type { Model } from '../../schemas/models.ts'
import type { ImageRequest } from './types.ts'

export type StreamingChoice = 'auto' | 'always' | 'never'

const slowQualities: ReadonlySet<string> = new Set(['high', 'xhigh', 'max'])
const SLOW_PIXELS = 1_500_000

/**
 * Whether to request an event stream. A partial image costs extra output tokens, but Azure ends silent calls after one to
 * two minutes, and slow images take longer (https://learn.microsoft.com/en-us/answers/a/12770558).
 */
export function shouldStream(choice: StreamingChoice, model: Model, request: ImageRequest): boolean {
  const { size, quality = '', n = 1 } = request
  if (choice === 'never' || !model.streaming || n > 1) return false
  if (choice === 'always') return true
  return slowQualities.has(quality) || (size !== undefined && size.width * size.height > SLOW_PIXELS)
}
