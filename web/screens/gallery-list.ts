import type { StudioImage, StudioList } from '../../schemas/studio.ts'
import { matches } from './local-search.ts'

export interface GalleryFilter {
  query: string
  tag: string
  model: string
}

export interface GalleryState {
  filter: GalleryFilter
  /** What is loaded, newest first. */
  images: readonly StudioImage[]
  /** The part of them that is shown: from this index, at most `MAX_SHOWN`. */
  from: number
  /** There are more than are loaded. */
  hasMore: boolean
  isLoading: boolean
  /** Why the last load failed. */
  error?: unknown
  /** Index of the image that the keyboard is at. */
  current: number
}

export const noFilter: GalleryFilter = { query: '', tag: '', model: '' }
export const isFiltered = ({ query, tag, model }: GalleryFilter): boolean => query !== '' || tag !== '' || model !== ''

/** Images of a page of the gallery. */
export const PAGE_SIZE = 48
/** Tiles in the document at a time. */
export const MAX_SHOWN = 5 * PAGE_SIZE

export interface GalleryOptions {
  /** Images of the service. Absent: this caller may list none, so that there are those of the session only. */
  list?(
    filter: { query?: string; tags?: string[]; model?: string; cursor?: string; limit: number },
    signal: AbortSignal,
  ): Promise<StudioList>
  /** Images of this session, newest first. */
  seen(): readonly StudioImage[]
}

/** The images of the gallery. It outlives the screen, so that the way back leads to the same place. */
export interface GalleryList {
  readonly state: GalleryState
  /** @returns a function that ends it */
  subscribe(listener: (state: GalleryState) => void): () => void
  /** Loads the first page of another search; the current one is given up. */
  search(filter: GalleryFilter): Promise<void>
  /** Shows older images, which are loaded if they are not yet. */
  showOlder(): Promise<void>
  showNewer(): void
  /** Loads the first page again, and keeps the place. */
  refresh(): Promise<void>
  /** Does again what failed. */
  retry(): Promise<void>
  remove(id: string): void
  /** @param index of the image that the keyboard is at */
  moveTo(index: number): void
}

export function createGalleryList({ list, seen }: GalleryOptions): GalleryList {
  let state: GalleryState = { filter: noFilter, images: [], from: 0, hasMore: false, isLoading: false, current: 0 }
  let cursor: string | undefined
  let abort = new AbortController()
  let again = async () => {}
  const listeners = new Set<(state: GalleryState) => void>()

  function set(changes: Partial<GalleryState>): void {
    const next = { ...state, ...changes }
    const current = Math.max(0, Math.min(next.current, next.images.length - 1))
    state = { ...next, current, from: Math.max(0, Math.min(next.from, next.images.length - 1)) }
    for (const listener of listeners) listener(state)
  }

  /** One load at a time: what is loading is given up. @param take what to do with the page */
  async function load(at: string | undefined, take: (page: StudioList) => void): Promise<void> {
    abort.abort()
    abort = new AbortController()
    const { signal } = abort
    again = () => load(at, take)
    set({ isLoading: true, error: undefined })
    try {
      const page = await fetchPage(at, signal)
      if (signal.aborted) return
      take(page)
      set({ isLoading: false })
    } catch (error) {
      if (!signal.aborted) set({ isLoading: false, error })
    }
  }

  async function fetchPage(at: string | undefined, signal: AbortSignal): Promise<StudioList> {
    const { query, tag, model } = state.filter
    if (list === undefined) return { images: seen().filter((image) => matches(image, state.filter)) }
    return await list(
      {
        ...(query !== '' && { query }),
        ...(tag !== '' && { tags: [tag] }),
        ...(model !== '' && { model }),
        ...(at !== undefined && { cursor: at }),
        limit: PAGE_SIZE,
      },
      signal,
    )
  }

  /** @param next where the images after these are */
  function take(images: readonly StudioImage[], next: string | undefined): void {
    cursor = next
    set({ images, hasMore: next !== undefined })
  }

  return {
    get state() {
      return state
    },
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    async search(filter) {
      cursor = undefined
      set({ filter, images: [], from: 0, hasMore: false, current: 0 })
      await load(undefined, ({ images, nextCursor }) => take(images, nextCursor))
    },
    async showOlder() {
      const isShown = state.from + MAX_SHOWN >= state.images.length
      if (isShown && state.hasMore) {
        if (state.isLoading) return
        await load(cursor, ({ images, nextCursor }) => take(appended(state.images, images), nextCursor))
      }
      const from = Math.max(0, Math.min(state.from + PAGE_SIZE, state.images.length - MAX_SHOWN))
      set({ from: Math.max(state.from, from) })
    },
    showNewer() {
      set({ from: Math.max(0, state.from - PAGE_SIZE) })
    },
    async refresh() {
      const { images: before } = state
      await load(undefined, ({ images, nextCursor }) => {
        const rest = olderThan(before, images)
        const at = before[state.current]?.id
        take([...images, ...rest], rest.length > 0 ? cursor : nextCursor)
        const current = state.images.findIndex(({ id }) => id === at)
        if (current >= 0) set({ current })
      })
    },
    retry: () => again(),
    remove(id) {
      set({ images: state.images.filter((image) => image.id !== id) })
    },
    moveTo(current) {
      set({ current })
    },
  }
}

/** Each once: an image may be on two pages. */
function appended(images: readonly StudioImage[], page: readonly StudioImage[]): StudioImage[] {
  const known = new Set(images.map(({ id }) => id))
  return [...images, ...page.filter(({ id }) => !known.has(id))]
}

/** Those of earlier pages that the new first page says nothing of; none if it is far from them. */
function olderThan(before: readonly StudioImage[], page: readonly StudioImage[]): readonly StudioImage[] {
  const last = page.at(-1)?.id
  const at = before.findIndex(({ id }) => id === last)
  return at < 0 || page.length < PAGE_SIZE ? [] : before.slice(at + 1)
}
