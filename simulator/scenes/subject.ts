import type { Dice } from './svg.ts'

/** Where a scene takes place. */
export type Setting = 'city' | 'interior' | 'underwater' | 'space' | 'lake' | 'sea' | 'meadow' | 'desert'

/** What a subject is painted with. */
export interface Look {
  /** `#rrggbb` */
  colour: string
  dice: Dice
  /** The words that name it, in lower case: they decide details, such as long hair. */
  text: string
}

/** Something that a prompt can ask for by name. */
export interface Subject {
  words: RegExp
  /** Its colours if the prompt names none. */
  colours: readonly [string, ...string[]]
  /** Shapes in a square from -500 to 500, standing on its lower edge. */
  draw(look: Look): string
  /** Where it is shown if the prompt names no place; default: before a plain backdrop. */
  home?: Setting
  /** Part of a landscape rather than its subject; drawn only if an edit adds it. */
  isDetail?: boolean
  /** Height of its square in an image, relative to other subjects; default 1. */
  scale?: number
}
