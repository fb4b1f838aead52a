import { useEffect } from 'preact/hooks'
import type { Texts } from '../texts/texts.ts'

export interface MessagesProps {
  texts: Texts
  /** Stays until it is closed. */
  error: string | undefined
  /** Disappears by itself. */
  note: string | undefined
  onCloseError(): void
  onCloseNote(): void
}

const NOTE_MS = 6000

/** Failures and short messages above a screen. */
export function Messages({ texts, error, note, onCloseError, onCloseNote }: MessagesProps) {
  useEffect(() => {
    if (note === undefined) return
    const timer = setTimeout(onCloseNote, NOTE_MS)
    return () => clearTimeout(timer)
  }, [note, onCloseNote])
  return (
    <>
      {error !== undefined && (
        <div class="message error" role="alert">
          <p>{error}</p>
          <button type="button" onClick={onCloseError}>
            {texts.app.close}
          </button>
        </div>
      )}
      {note !== undefined && (
        <div class="message">
          <p>{note}</p>
        </div>
      )}
    </>
  )
}
