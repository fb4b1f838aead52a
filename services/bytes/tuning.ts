import { setFlagsFromString } from 'node:v8'

/** Percent by which the heap may grow before it is collected. */
const HEAP_GROWING_PERCENT = 200

/**
 * V8 counts what sockets allocate as growth of the heap, so that by default it walks all objects after every few images,
 * although hardly any object was added. To be called before anything is allocated. `npm run bench` shows the effect
 * (docs/performance.md).
 */
export function collectGarbageLessOften(): void {
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWING_PERCENT}`)
}
