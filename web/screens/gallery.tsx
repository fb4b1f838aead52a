import type { RefObject } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { columnsOf, moveInGrid } from '../parts/grid-keys.ts'
import { Heading } from '../parts/heading.tsx'
import { has, type Studio } from '../studio.ts'
import { errorText } from '../texts/error-text.ts'
import { GalleryForm } from './gallery-form.tsx'
import { type GalleryList, type GalleryState, isFiltered, MAX_SHOWN, noFilter } from './gallery-list.ts'
import { galleryOf } from './gallery-store.ts'
import { Tile } from './tile.tsx'

/** The images, newest first. */
export function GalleryScreen({ studio }: { studio: Studio }) {
  const gallery = galleryOf(studio)
  const [state, setState] = useState(gallery.state)
  const grid = useRef<HTMLUListElement>(null)
  const { texts, announce } = studio

  useEffect(() => {
    const end = gallery.subscribe(setState)
    if (gallery.state.images.length > 0) void gallery.refresh()
    else if (!gallery.state.isLoading) void gallery.search(gallery.state.filter)
    return end
  }, [gallery])
  // Back from an image, the keyboard is at it again; after the heading, which takes the focus first.
  useEffect(() => {
    if (gallery.state.current > 0) focusTile(grid, gallery.state)
  }, [gallery])
  useEffect(() => {
    if (!state.isLoading && state.error === undefined) {
      const count = state.images.length
      announce(count === 0 ? texts.gallery.noMatch : texts.gallery.found(count, state.hasMore))
    }
  }, [announce, texts, state.isLoading, state.error, state.images, state.hasMore])

  const end = state.from + MAX_SHOWN
  const shown = state.images.slice(state.from, end)
  const hasOlder = end < state.images.length || state.hasMore
  return (
    <section class="screen wide" aria-busy={state.isLoading}>
      <Heading text={texts.gallery.title} />
      <GalleryForm studio={studio} gallery={gallery} filter={state.filter} images={state.images} />
      {state.from > 0 && (
        <button type="button" class="more" onClick={gallery.showNewer}>
          {texts.gallery.newer}
        </button>
      )}
      <ul
        ref={grid}
        class="tiles"
        aria-label={`${texts.gallery.images}. ${texts.gallery.keys}`}
        onKeyDown={(event) => onKey(event, gallery, grid)}
      >
        {shown.map((image, index) => (
          <Tile
            key={image.id}
            studio={studio}
            image={image}
            isCurrent={state.from + index === Math.max(state.from, Math.min(state.current, end - 1))}
            onOpen={() => {
              gallery.moveTo(state.from + index)
              studio.navigate({ name: 'viewer', id: image.id })
            }}
            onFocus={() => gallery.moveTo(state.from + index)}
          />
        ))}
      </ul>
      {hasOlder && (
        <button type="button" class="more" disabled={state.isLoading} onClick={gallery.showOlder}>
          {state.isLoading ? texts.app.loading : texts.gallery.older}
        </button>
      )}
      <GalleryNote studio={studio} gallery={gallery} state={state} />
    </section>
  )
}

/** What is shown where there are no images, or none yet. */
function GalleryNote({ studio, gallery, state }: { studio: Studio; gallery: GalleryList; state: GalleryState }) {
  const { texts, navigate } = studio
  if (state.error !== undefined) {
    return (
      <div role="alert">
        <p>{errorText(state.error, texts)}</p>
        <button type="button" onClick={gallery.retry}>
          {texts.app.retry}
        </button>
      </div>
    )
  }
  if (state.images.length > 0) return null
  if (state.isLoading) return <p role="status">{texts.app.loading}</p>
  if (isFiltered(state.filter)) {
    return (
      <div class="empty">
        <p>{texts.gallery.noMatch}</p>
        <button type="button" onClick={() => gallery.search(noFilter)}>
          {texts.gallery.clear}
        </button>
      </div>
    )
  }
  return (
    <div class="empty">
      <p>{has(studio, 'find_images') ? texts.gallery.empty : texts.gallery.emptySession}</p>
      <button type="button" class="primary" onClick={() => navigate({ name: 'generate' })}>
        {texts.gallery.generate}
      </button>
    </div>
  )
}

function onKey(event: KeyboardEvent, gallery: GalleryList, grid: RefObject<HTMLUListElement | null>): void {
  if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return
  const { from, current } = gallery.state
  const items = [...(grid.current?.children ?? [])].filter((item) => item instanceof HTMLElement)
  const columns = columnsOf(items.map(({ offsetTop }) => offsetTop))
  const place = { index: current - from, count: items.length, columns }
  const target = moveInGrid(event.key, place)
  if (target === undefined) return
  event.preventDefault()
  const isAtEnd = target === place.index && target === items.length - 1
  if (isAtEnd && event.key !== 'End') void gallery.showOlder()
  gallery.moveTo(from + target)
  focusTile(grid, gallery.state)
}

function focusTile(grid: RefObject<HTMLUListElement | null>, { current, from }: GalleryState): void {
  grid.current?.children[current - from]?.querySelector('button')?.focus()
}
