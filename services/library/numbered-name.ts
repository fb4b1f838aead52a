import { randomBytes } from 'node:crypto'
import type { MaybePromise } from '../bytes/maybe-promise.ts'
import { joinName } from './output-path.ts'

/** Numbered names tried before a random one. */
export const MAX_COUNTER = 999

/** A file name in two parts; `extension` begins with a dot. */
export interface SplitFileName {
  stem: string
  extension: string
}

/** `name.png`, `name-2.png`, …; above `MAX_COUNTER` a random one. The stem is shortened if the name would be too long. */
export function numberedName({ stem, extension }: SplitFileName, counter: number): string {
  return joinName(stem, nameSuffix(counter) + extension)
}

/** What all numbered names begin with. */
export function commonPrefix({ stem, extension }: SplitFileName): string {
  const longest = `-${MAX_COUNTER}${extension}`
  return joinName(stem, longest).slice(0, -longest.length)
}

function nameSuffix(counter: number): string {
  if (counter === 1) return ''
  return counter <= MAX_COUNTER ? `-${counter}` : `-${randomBytes(6).toString('hex')}`
}

/** The first number from which on the files of a set can be numbered without a gap. */
export async function firstFreeNumber(
  files: readonly SplitFileName[],
  isTaken: (name: string) => MaybePromise<boolean>,
): Promise<number> {
  let start = 1
  for (let at = 0; at < files.length && start + at <= MAX_COUNTER; ) {
    const file = files[at]
    const isOccupied = file !== undefined && (await isTaken(numberedName(file, start + at)))
    if (isOccupied) start += at + 1
    at = isOccupied ? 0 : at + 1
  }
  return start
}
