/** Paths of a 24 × 24 grid, drawn as lines. */
const paths = {
  brush: 'M4 20c4 1 6-1 6-4l9-9a2 2 0 0 0-3-3l-9 9c-3 0-4 3-3 7z',
  eraser: 'M8 20h12M5 14l8-9 6 6-8 9H8l-3-3z',
  rectangle: 'M4 6h16v12H4z',
  undo: 'M9 7 4 12l5 5M4 12h10a5 5 0 0 1 5 5v1',
  redo: 'm15 7 5 5-5 5M20 12H10a5 5 0 0 0-5 5v1',
  invert: 'M12 4a8 8 0 1 0 0 16zM12 4a8 8 0 0 1 0 16',
  clear: 'M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13',
  shown: 'M2 12s4-7 10-7 10 7 10 7-4 7-10 7S2 12 2 12zM12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6z',
  hidden: 'M3 3l18 18M6 7c-3 2-4 5-4 5s4 7 10 7c2 0 4-1 5-2M10 5c8-1 12 7 12 7l-2 3',
  plus: 'M12 5v14M5 12h14',
  minus: 'M5 12h14',
  fit: 'M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5',
} as const

export type IconName = keyof typeof paths

export interface IconButtonProps {
  icon: IconName
  label: string
  isPressed?: boolean
  isDisabled?: boolean
  onClick(): void
}

/** A button that shows an icon; its label is its name, and its tooltip. */
export function IconButton({ icon, label, isPressed, isDisabled = false, onClick }: IconButtonProps) {
  return (
    <button
      type="button"
      class="icon-button"
      aria-label={label}
      title={label}
      aria-pressed={isPressed}
      // Not `disabled`, which would take the focus away from who pressed it last.
      aria-disabled={isDisabled}
      onClick={() => {
        if (!isDisabled) onClick()
      }}
    >
      <svg viewBox="0 0 24 24" aria-hidden="true" data-icon={icon}>
        <path d={paths[icon]} />
      </svg>
    </button>
  )
}
