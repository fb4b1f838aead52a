import type { StudioImage } from '../../schemas/studio.ts'
import { ancestorsOf, childrenOf, type Family, rootOf } from './family.ts'

/** How a line of the tree passes a row, in one lane. */
export type Guide = 'none' | 'through' | 'branch' | 'last-branch'

export interface HistoryRow {
  id: string
  /** Absent: deleted, or somebody else's. */
  image?: StudioImage
  isFocus: boolean
  /** The image above it in the tree; absent: the root. */
  parent?: string
  /** It was not edited from its parent, which was only a reference. */
  isReferenceOnly: boolean
  /** The model's own image, from which a composite with the original was made. */
  isBeforeComposite: boolean
  /** Further images that it was made from. */
  otherParents: readonly string[]
  /** Generations from the root, which is 1. */
  level: number
  /** Of the lanes before its own. The last one branches off, if it is not the only one below its parent. */
  guides: readonly Guide[]
  /** A line comes from the row above, in its own lane. */
  joinsAbove: boolean
  /** A line goes on below, in its own lane. */
  goesOn: boolean
  /** What was made from it may not all be there: `unlisted`, or `more` than were listed. */
  rest: 'none' | 'unlisted' | 'more'
}

export interface HistoryTree {
  rows: readonly HistoryRow[]
  /** The root has earlier versions, which are too far away. */
  isCut: boolean
  isFull: boolean
}

/** Lanes that are drawn; deeper branches share the last one. */
export const MAX_LANES = 6

interface Place {
  id: string
  parent?: string
  level: number
  guides: readonly Guide[]
  joinsAbove: boolean
}

/**
 * The tree as rows from the root down, each followed by what was made from it. An only descendant stays in the lane of its
 * parent; several branch off into the next lane, so that long lines of edits stay narrow.
 */
export function historyRows(family: Family): HistoryTree {
  const children = childrenOf(family)
  const rows: HistoryRow[] = []
  const open: Place[] = [{ id: rootOf(family), level: 1, guides: [], joinsAbove: false }]
  for (let place = open.pop(); place !== undefined; place = open.pop()) {
    // Each image is below one other, and the root below none, so that nothing comes twice.
    const below = children.get(place.id) ?? []
    rows.push(rowOf(family, place, below))
    open.push(...placesBelow(place, below).reverse())
  }
  return { rows, isCut: ancestorsOf(family).isCut, isFull: family.isFull }
}

function rowOf(family: Family, { id, parent, ...place }: Place, below: readonly StudioImage[]): HistoryRow {
  const image = family.images.get(id)
  return {
    ...place,
    id,
    ...(image && { image }),
    ...(parent !== undefined && { parent }),
    isFocus: id === family.focus,
    isReferenceOnly: parent !== undefined && image?.parents[0] !== parent,
    isBeforeComposite: below.some((child) => child.origin === 'composite' && child.parents[0] === id),
    // Of the root, the first parent is an earlier version.
    otherParents: [...new Set(image?.parents.slice(parent === undefined ? 1 : 0))].filter(
      (each) => each !== parent && each !== id,
    ),
    goesOn: below.length > 0,
    rest: !family.listed.has(id) ? 'unlisted' : family.listed.get(id) === undefined ? 'none' : 'more',
  }
}

function placesBelow({ id, level, guides }: Place, below: readonly StudioImage[]): Place[] {
  const [only] = below
  const base = { parent: id, level: level + 1 }
  const passing = guides.map(passes)
  if (only !== undefined && below.length === 1) return [{ ...base, id: only.id, guides: passing, joinsAbove: true }]
  return below.map((child, index) => ({
    ...base,
    id: child.id,
    guides: branched(passing, index === below.length - 1 ? 'last-branch' : 'branch'),
    joinsAbove: false,
  }))
}

/** What a lane shows in the rows below one that branched off. */
const passes = (guide: Guide): Guide => (guide === 'none' || guide === 'last-branch' ? 'none' : 'through')

function branched(passing: readonly Guide[], guide: Guide): Guide[] {
  return [...(passing.length < MAX_LANES ? passing : passing.slice(0, -1)), guide]
}
