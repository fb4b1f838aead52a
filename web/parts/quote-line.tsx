import type { Studio } from '../studio.ts'
import { errorText } from '../texts/error-text.ts'
import { formatDuration, formatSize, formatUsd } from '../texts/format.ts'
import type { QuoteState } from './use-quote.ts'

/** Price, true size and expected wait of a call that has not been sent, or why it would be rejected. */
export function QuoteLine({ studio, state }: { studio: Studio; state: QuoteState }) {
  const { texts, language } = studio
  const words = texts.app.quote
  if (state === undefined) return <p class="quote soft">{words.unknown}</p>
  if ('error' in state) {
    return (
      <p class="quote failed" role="status">
        {errorText(state.error, texts)}
      </p>
    )
  }
  const { usd, count, width, height, quality, waitMs, problem } = state.quote
  if (problem !== undefined) {
    return (
      <p class="quote failed" role="status">
        {problem}
      </p>
    )
  }
  const size = width === undefined || height === undefined ? undefined : formatSize({ width, height })
  const facts = [
    words.images(count),
    size,
    quality === undefined ? undefined : words.quality(quality),
    waitMs < 1000 ? words.startsNow : words.startsIn(formatDuration(waitMs, language)),
  ]
  return (
    <p class="quote" aria-busy={state.isStale}>
      <strong>{usd === undefined ? words.noPrice : words.price(formatUsd(usd, language))}</strong>{' '}
      {facts.filter((each) => each !== undefined).join(' · ')}
    </p>
  )
}
