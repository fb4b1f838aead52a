import type { ComponentChildren } from 'preact'

export interface FormProps {
  class?: string
  /** Enter in a field, Ctrl+Enter in a text area. A button of the form calls it by itself. */
  onSubmit(): void
  children: ComponentChildren
}

/** A form without the event `submit`, which frames of hosts do not get: their sandbox forbids forms. */
export function Form({ class: name, onSubmit, children }: FormProps) {
  return (
    <form
      class={name}
      onSubmit={(event) => event.preventDefault()}
      onKeyDown={(event) => {
        const { target, key, isComposing, ctrlKey, metaKey, repeat } = event
        if (key !== 'Enter') return
        // A key that is held down would also press the button again as soon as a call is done, and pay again.
        if (repeat) return event.preventDefault()
        const isMeant = isTextField(target) || (target instanceof HTMLTextAreaElement && (ctrlKey || metaKey))
        // Enter also ends the input of Chinese words.
        if (isComposing || !isMeant) return
        event.preventDefault()
        onSubmit()
      }}
    >
      {children}
    </form>
  )
}

const isTextField = (target: EventTarget | null): boolean =>
  target instanceof HTMLInputElement && !['checkbox', 'radio', 'range'].includes(target.type)
