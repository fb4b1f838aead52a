import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { moveInGrid } from '../parts/grid-keys.ts'
import { Heading } from '../parts/heading.tsx'
import { imageOf, useImage } from '../parts/use-image.ts'
import { has, type Studio } from '../studio.ts'
import { errorText } from '../texts/error-text.ts'
import { MAX_FAMILY } from './family.ts'
import { type HistoryTree, historyRows } from './history-rows.ts'
import { MissingImage } from './missing-image.tsx'
import { type FamilyState, useFamily } from './use-family.ts'
import { VersionRow } from './version-row.tsx'

/** What an image was made from, and everything that was made from that. */
export function HistoryScreen({ studio, id }: { studio: Studio; id: string }) {
  const { texts } = studio
  const state = useImage(studio, id)
  const image = imageOf(state)
  const loaded = useFamily(studio, image)
  const { family, isLoading } = loaded
  const tree = useMemo(() => family && historyRows(family), [family])
  return (
    <section class="screen" aria-busy={isLoading}>
      <Heading text={texts.history.title} />
      {state !== undefined && 'error' in state && <MissingImage studio={studio} error={state.error} />}
      {tree !== undefined && <Versions studio={studio} tree={tree} loaded={loaded} />}
      {isLoading && (state === undefined || image !== undefined) && <p role="status">{texts.app.loading}</p>}
      {loaded.error !== undefined && (
        <div role="alert">
          <p>{errorText(loaded.error, texts)}</p>
          <button type="button" onClick={loaded.retry}>
            {texts.app.retry}
          </button>
        </div>
      )}
      {!isLoading && loaded.error === undefined && tree?.rows.length === 1 && <p>{texts.history.single}</p>}
      {!has(studio, 'find_images') && <p class="soft">{texts.history.ancestorsOnly}</p>}
    </section>
  )
}

function Versions({ studio, tree, loaded }: { studio: Studio; tree: HistoryTree; loaded: FamilyState }) {
  const { texts, navigate } = studio
  const { history } = texts
  const { rows, isCut, isFull } = tree
  const list = useRef<HTMLOListElement>(null)
  const [chosen, setChosen] = useState<readonly string[]>([])
  const [current, setCurrent] = useState<string>()
  const [root] = rows
  const focus = rows.findIndex(({ isFocus }) => isFocus)
  const open = rows.filter(({ image }) => image !== undefined)
  const at = Math.max(
    0,
    open.findIndex(({ id }) => id === (current ?? rows[focus]?.id)),
  )
  // The older of the two is the one before.
  const [before, after] = rows.filter(({ id }) => chosen.includes(id)).sort((a, b) => timeOf(a) - timeOf(b))

  // The image itself may be far down; it is looked for once.
  useEffect(() => {
    if (!loaded.isLoading) list.current?.children[focus]?.scrollIntoView({ block: 'nearest' })
  }, [loaded.isLoading, focus])

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return
    if (event.key === 'ArrowLeft' || event.key === 'ArrowRight') return
    const target = moveInGrid(event.key, { index: at, count: open.length, columns: 1 })
    if (target === undefined) return
    event.preventDefault()
    setCurrent(open[target]?.id)
    list.current?.querySelectorAll<HTMLElement>('[data-id]')[target]?.focus()
  }
  return (
    <>
      {rows.length > 1 && (
        <div class="actions history-actions">
          <button
            type="button"
            class="primary"
            disabled={before === undefined || after === undefined}
            onClick={() => before && after && navigate({ name: 'compare', before: before.id, after: after.id })}
          >
            {history.compare}
          </button>
          {after === undefined && <span class="soft">{history.chosen(chosen.length)}</span>}
        </div>
      )}
      {isCut && root !== undefined && (
        <button type="button" onClick={() => navigate({ name: 'history', id: root.id })}>
          {history.earlier}
        </button>
      )}
      <ol ref={list} class="versions" aria-label={history.versions} onKeyDown={onKeyDown}>
        {rows.map((row) => (
          <VersionRow
            key={row.id}
            studio={studio}
            row={row}
            isCurrent={row.id === open[at]?.id}
            isChosen={chosen.includes(row.id)}
            canShowMore={!loaded.isLoading && !isFull && has(studio, 'find_images')}
            onChoose={() => setChosen(toggled(chosen, row.id))}
            onFocus={() => setCurrent(row.id)}
            onMore={() => loaded.showMore(row.id).catch(studio.fail)}
          />
        ))}
      </ol>
      {isFull && <p class="soft">{history.full(MAX_FAMILY)}</p>}
    </>
  )
}

const timeOf = ({ image }: HistoryTree['rows'][number]): number => image?.createdAt ?? 0

/** At most two, the last ones. */
const toggled = (chosen: readonly string[], id: string): string[] =>
  chosen.includes(id) ? chosen.filter((each) => each !== id) : [...chosen, id].slice(-2)
