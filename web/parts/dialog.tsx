import type { ComponentChildren } from 'preact'
import { useId, useLayoutEffect, useRef } from 'preact/hooks'

export interface DialogProps {
  title: string
  /** Escape. Absent: the dialog cannot be closed without a decision. */
  onClose?: (() => void) | undefined
  children: ComponentChildren
}

/** A modal dialog of the page, because hosts forbid the browser's. The focus returns to where it was. */
export function Dialog({ title, onClose, children }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null)
  const heading = useId()
  // Before the next key, which would move the focus that is returned to.
  useLayoutEffect(() => {
    const before = document.activeElement
    const dialog = element.current
    dialog?.showModal()
    return () => {
      dialog?.close()
      if (before instanceof HTMLElement) before.focus()
    }
  }, [])
  return (
    <dialog
      ref={element}
      aria-labelledby={heading}
      onCancel={(event) => {
        event.preventDefault()
        onClose?.()
      }}
      // Browsers close a dialog at the second Escape, whatever the page says to the first.
      onClose={() => {
        // Closed by this component, which is no decision of the person.
        if (element.current === null) return
        if (onClose === undefined) element.current.showModal()
        else onClose()
      }}
    >
      <h2 id={heading}>{title}</h2>
      {children}
    </dialog>
  )
}
