import { Thumbnail } from '../parts/thumbnail.tsx'
import type { Studio } from '../studio.ts'
import { formatSize, formatUsd } from '../texts/format.ts'
import { formatAge } from '../texts/format-age.ts'
import { shortPrompt } from '../texts/short-prompt.ts'
import type { HistoryRow } from './history-rows.ts'

export interface VersionRowProps {
  studio: Studio
  row: HistoryRow
  /** The one row that the Tab key reaches. */
  isCurrent: boolean
  isChosen: boolean
  canShowMore: boolean
  onChoose(): void
  onFocus(): void
  onMore(): void
}

/** One version, with the lines that join it to the others. */
export function VersionRow({
  studio,
  row,
  isCurrent,
  isChosen,
  canShowMore,
  onChoose,
  onFocus,
  onMore,
}: VersionRowProps) {
  const { texts, navigate } = studio
  const { history } = texts
  const tabIndex = isCurrent ? 0 : -1
  const name = nameOf(studio, row)
  return (
    <li
      class={row.isFocus ? 'version current' : 'version'}
      aria-current={row.isFocus ? 'true' : undefined}
      onFocusIn={onFocus}
    >
      <Lanes row={row} />
      {row.image === undefined ? (
        <div class="version-open missing">
          <VersionText studio={studio} row={row} name={name} />
        </div>
      ) : (
        <button
          type="button"
          class="version-open"
          data-id={row.id}
          tabIndex={tabIndex}
          onClick={() => navigate({ name: 'viewer', id: row.id })}
        >
          <Thumbnail studio={studio} image={row.image} />
          <VersionText studio={studio} row={row} name={name} />
        </button>
      )}
      <span class="version-side">
        {row.image !== undefined && (
          <button
            type="button"
            tabIndex={tabIndex}
            aria-pressed={isChosen}
            aria-label={history.chooseLabel(name)}
            onClick={onChoose}
          >
            {history.choose}
          </button>
        )}
        {row.rest !== 'none' && canShowMore && (
          <button type="button" tabIndex={tabIndex} aria-label={history.moreLabel(name)} onClick={onMore}>
            {history.more}
          </button>
        )}
        {row.otherParents.map((id) => (
          <button key={id} type="button" tabIndex={tabIndex} onClick={() => navigate({ name: 'viewer', id })}>
            {history.otherSource}
          </button>
        ))}
      </span>
    </li>
  )
}

function VersionText({ studio, row, name }: { studio: Studio; row: HistoryRow; name: string }) {
  const { image } = row
  const cost = image?.costUsd === undefined ? [] : [formatUsd(image.costUsd, studio.language)]
  return (
    <span class="version-text">
      {row.isFocus && <strong>{studio.texts.history.current}</strong>}
      <span class="two-lines" dir="auto">
        {name}
      </span>
      <span class="soft">
        {factsOf(studio, row).join(' · ')}
        {image !== undefined && <span class="version-more"> · {[formatSize(image), ...cost].join(' · ')}</span>}
      </span>
    </span>
  )
}

function Lanes({ row: { guides, joinsAbove, goesOn } }: { row: HistoryRow }) {
  const own = ['lane', 'own', joinsAbove && 'joins', goesOn && 'goes-on']
  return (
    <span class="lanes" aria-hidden="true">
      {guides.map((guide, index) => (
        <span key={index} class={`lane ${guide}`} />
      ))}
      <span class={own.filter(Boolean).join(' ')} />
    </span>
  )
}

const nameOf = ({ texts }: Studio, { image }: HistoryRow): string =>
  image === undefined ? texts.history.missing : (shortPrompt(image.prompt, 90) ?? image.name ?? texts.gallery.noPrompt)

function factsOf({ texts, language }: Studio, row: HistoryRow): string[] {
  const { image, level } = row
  const { history, viewer } = texts
  return [
    history.generation(level),
    ...(row.isReferenceOnly ? [history.referenceOnly] : []),
    ...(row.isBeforeComposite ? [history.beforeComposite] : []),
    ...(image === undefined
      ? [row.id]
      : [viewer.origins[image.origin], formatAge(image.createdAt, Date.now(), language)]),
  ]
}
