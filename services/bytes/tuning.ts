import { setFlagsFromString } from 'node:v8'

/**
 * What is done for V8's sake only. Each can be removed without changing what the service does; `npm run bench` shows what it
 * costs (docs/performance.md).
 */

/** Percent by which the heap may grow before it is collected. */
const HEAP_GROWING_PERCENT = 200

/**
 * V8 counts what sockets allocate as growth of the heap, so that by default it walks all objects after every few images,
 * although hardly any object was added. To be called before anything is allocated.
 */
export function collectGarbageLessOften(): void {
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWING_PERCENT}`)
}

const BEYOND_ASCII = /[^\0-\x7f]/g

/** The same JSON in ASCII: V8 stores and sends such a string one byte a character, and any other one two. */
export function asciiJson(json: string): string {
  return json.replaceAll(BEYOND_ASCII, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
