import { toStudioError } from '../bridge/studio-error.ts'
import type { Studio } from '../studio.ts'
import { errorText } from '../texts/error-text.ts'

/** Why an image cannot be opened. The service does not tell a deleted one from somebody else's. */
export function MissingImage({ studio: { texts }, error }: { studio: Studio; error: unknown }) {
  const isMissing = toStudioError(error).kind === 'rejected'
  return (
    <div role="alert">
      {isMissing && <p>{texts.viewer.missing}</p>}
      <p class={isMissing ? 'soft' : ''}>{errorText(error, texts)}</p>
    </div>
  )
}
