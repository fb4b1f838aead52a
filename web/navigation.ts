import type { Screen } from './screen.ts'
import { fragmentOf } from './screen-address.ts'

/** The screens on the way to the one that is shown, which is the last. Never empty. */
export type Way = readonly [Screen, ...Screen[]]

/** So that a long session does not grow. */
const MAX_STEPS = 50

export const screenOf = (way: Way): Screen => way.at(-1) ?? way[0]

export function forward(way: Way, screen: Screen): Way {
  const [start, ...rest] = way
  return [start, ...rest.slice(-(MAX_STEPS - 2)), screen]
}

/** @param start where the first screen leads back to */
export function backward(way: Way, start: Screen): Way {
  const [first, ...rest] = way
  return rest.length === 0 ? [start] : [first, ...rest.slice(0, -1)]
}

export function replaced(way: Way, screen: Screen): Way {
  const [first, ...rest] = way
  return rest.length === 0 ? [screen] : [first, ...rest.slice(0, -1), screen]
}

/** After the browser went to a screen: back to the one before, or to another. */
export function popped(way: Way, screen: Screen): Way {
  const before = way.at(-2)
  return before !== undefined && fragmentOf(before) === fragmentOf(screen)
    ? backward(way, screen)
    : forward(way, screen)
}
