import type { Studio } from '../studio.ts'
import type { usePanZoom } from './use-pan-zoom.ts'

export interface ZoomBarProps {
  studio: Studio
  panZoom: Pick<ReturnType<typeof usePanZoom>, 'zoomIn' | 'zoomOut' | 'fit' | 'actualSize' | 'isFit'>
  /** CSS pixels for each pixel of the image; absent: there is no one such size. */
  scale?: number
}

export function ZoomBar({ studio: { texts, language }, panZoom, scale }: ZoomBarProps) {
  const { viewer } = texts
  const percent = new Intl.NumberFormat(language, { style: 'percent' })
  return (
    <div class="zoom-bar">
      <button type="button" aria-label={viewer.zoomOut} disabled={panZoom.isFit} onClick={panZoom.zoomOut}>
        −
      </button>
      <button type="button" aria-label={viewer.zoomIn} onClick={panZoom.zoomIn}>
        +
      </button>
      <button type="button" aria-pressed={panZoom.isFit} onClick={panZoom.fit}>
        {viewer.fit}
      </button>
      {scale !== undefined && (
        <button
          type="button"
          aria-label={viewer.actualSize}
          aria-pressed={Math.abs(scale - 1) < 0.001}
          onClick={panZoom.actualSize}
        >
          100%
        </button>
      )}
      {scale !== undefined && scale > 0 && (
        <output class="soft" aria-label={viewer.zoom}>
          {percent.format(scale)}
        </output>
      )}
    </div>
  )
}
