import { useRef } from 'preact/hooks'
import type { Studio } from '../studio.ts'

/** The id, with a button that copies it; where the host forbids that, it is selected. */
export function CopyId({ studio: { texts, notify }, id }: { studio: Studio; id: string }) {
  const field = useRef<HTMLInputElement>(null)
  const copy = async () => {
    field.current?.focus()
    field.current?.select()
    // Works in the frames of hosts, which forbid the newer one and have the browser report every attempt.
    const isCopied = document.execCommand('copy') || (await writeToClipboard(id))
    notify(isCopied ? texts.viewer.copied : texts.viewer.copyByHand)
  }
  return (
    <span class="copy-id">
      <input
        ref={field}
        type="text"
        class="id"
        readOnly
        value={id}
        aria-label={texts.viewer.id}
        onFocus={() => field.current?.select()}
      />
      <button type="button" onClick={copy}>
        {texts.viewer.copyId}
      </button>
    </span>
  )
}

const writeToClipboard = (text: string): Promise<boolean> =>
  navigator.clipboard?.writeText(text).then(
    () => true,
    () => false,
  ) ?? Promise.resolve(false)
