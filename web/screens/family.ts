import type { StudioImage, StudioList } from '../../schemas/studio.ts'

/**
 * An image with what it was made from and what was made from it, as far as it is loaded. Records come from outside: parents may
 * have been deleted, belong to somebody else, or go round in a circle.
 */
export interface Family {
  /** The image whose history it is. */
  focus: string
  images: ReadonlyMap<string, StudioImage>
  /** Asked for, and not there. */
  missing: ReadonlySet<string>
  /** Whose descendants were listed; with the cursor for more of them, if there are more. */
  listed: ReadonlyMap<string, string | undefined>
  /** Images were ignored, because there are too many. */
  isFull: boolean
}

/** What to load next. */
export type FamilyStep = { kind: 'image'; id: string } | { kind: 'list'; id: string }

/** Images of a tree. */
export const MAX_FAMILY = 200
/** Ancestors that are followed; earlier ones are the history of the earliest. */
export const MAX_ANCESTORS = 40
/** Lists that are loaded without being asked for. */
export const MAX_LISTS = 24

export const startFamily = (image: StudioImage): Family => ({
  focus: image.id,
  images: new Map([[image.id, image]]),
  missing: new Set(),
  listed: new Map(),
  isFull: false,
})

export function withImages(family: Family, images: readonly StudioImage[]): Family {
  const all = new Map(family.images)
  let isFull = family.isFull
  for (const image of images) {
    if (all.has(image.id) || all.size < MAX_FAMILY) all.set(image.id, image)
    else isFull = true
  }
  return { ...family, images: all, isFull }
}

export const withMissing = (family: Family, id: string): Family => ({
  ...family,
  missing: new Set([...family.missing, id]),
})

export const withList = (family: Family, id: string, { images, nextCursor }: StudioList): Family => ({
  ...withImages(family, images),
  listed: new Map([...family.listed, [id, nextCursor]]),
})

export interface Line {
  /** From the parent of the image on; the last may be missing. */
  ids: readonly string[]
  /** The last one has parents, which are too far away or not loaded. */
  isCut: boolean
}

/** What the image was made from, and that from: always the first parent, which is the edited image. */
export function ancestorsOf({ focus, images }: Family): Line {
  const ids: string[] = []
  let parent = images.get(focus)?.parents[0]
  while (parent !== undefined && parent !== focus && !ids.includes(parent)) {
    if (ids.length === MAX_ANCESTORS) return { ids, isCut: true }
    ids.push(parent)
    parent = images.get(parent)?.parents[0]
  }
  return { ids, isCut: false }
}

/**
 * What is loaded without being asked for: first the ancestors, then what was made from the image, from its ancestors and from
 * their descendants, the nearest first.
 * @param canList whether the caller may list images @returns undefined: nothing is left to load
 */
export function nextStep(family: Family, canList: boolean): FamilyStep | undefined {
  const { focus, images, missing, listed, isFull } = family
  const { ids } = ancestorsOf(family)
  const unknown = isFull ? undefined : ids.find((id) => !images.has(id) && !missing.has(id))
  if (unknown !== undefined) return { kind: 'image', id: unknown }
  if (!canList || isFull || listed.size >= MAX_LISTS) return undefined
  const children = childrenOf(family)
  const queue = [focus, ...ids]
  const seen = new Set(queue)
  for (const id of queue) {
    if (!listed.has(id)) return { kind: 'list', id }
    for (const { id: child, parents } of children.get(id) ?? []) {
      // Of an image that was only a reference, the other's history is not this one's.
      if (parents[0] === id && !seen.has(child)) queue.push(child)
      seen.add(child)
    }
  }
  return undefined
}

/** The loaded images below each image, oldest first. Each is below its first parent that is part of the family. */
export function childrenOf(family: Family): ReadonlyMap<string, readonly StudioImage[]> {
  const { images } = family
  const root = rootOf(family)
  const children = new Map<string, StudioImage[]>()
  const sorted = [...images.values()].sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1))
  for (const image of sorted) {
    const home = image.id === root ? undefined : image.parents.find((id) => images.has(id) || id === root)
    if (home === undefined) continue
    const siblings = children.get(home)
    if (siblings === undefined) children.set(home, [image])
    else siblings.push(image)
  }
  return children
}

/** The earliest known ancestor, or the image itself. */
export const rootOf = (family: Family): string => ancestorsOf(family).ids.at(-1) ?? family.focus
