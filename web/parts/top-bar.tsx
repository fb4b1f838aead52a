import type { Screen, Studio } from '../studio.ts'

export interface TopBarProps {
  studio: Studio
  /** The one that is shown. */
  screen: Screen
  /** Nothing leads back from it. */
  isStart: boolean
}

/** Where one can go from everywhere. */
export function TopBar({ studio, screen, isStart }: TopBarProps) {
  const current = (name: Screen['name']) => (screen.name === name ? 'page' : undefined)
  const { app } = studio.texts
  return (
    <nav class="top-bar" aria-label={app.title}>
      {!isStart && (
        <button type="button" onClick={studio.back}>
          {app.back}
        </button>
      )}
      <span class="grow" />
      <button
        type="button"
        aria-current={current('gallery')}
        onClick={() => current('gallery') ?? studio.navigate({ name: 'gallery' })}
      >
        {app.gallery}
      </button>
      <button
        type="button"
        aria-current={current('generate')}
        onClick={() => current('generate') ?? studio.navigate({ name: 'generate' })}
      >
        {app.generate}
      </button>
      <DisplayModeButton studio={studio} />
    </nav>
  )
}

/** Only where the host has both modes; it may still show another than the one that was asked for. */
function DisplayModeButton({ studio: { abilities, context, texts, fail } }: { studio: Studio }) {
  const mode = context.displayMode === 'fullscreen' ? 'inline' : 'fullscreen'
  if (abilities.requestDisplayMode === undefined || !context.displayModes.includes(mode)) return null
  return (
    <button type="button" onClick={() => abilities.requestDisplayMode?.(mode).catch(fail)}>
      {texts.app[mode]}
    </button>
  )
}
