import { escapeHtml } from '../../services/net/escape-html.ts'
import type { PageTexts } from './texts.ts'

/** Facts that are not known yet are not shown, as in the JSON of `/ready`. */
const known = (facts: object): [string, unknown][] =>
  Object.entries(facts).filter(([, value]) => value !== undefined && value !== null)

/** The facts of one deployment in a line; what is nought or not so is no news. */
function factsHtml(facts: object): string {
  return known(facts)
    .filter(([, value]) => value !== 0 && value !== false)
    .map(([name, value]) => (name === 'state' ? escapeHtml(String(value)) : `${escapeHtml(name)}: ${textOf(value)}`))
    .join(' · ')
}

const textOf = (value: unknown): string =>
  typeof value === 'object' && value !== null ? factsHtml(value) : escapeHtml(String(value))

/** States are words, or several of them by name. */
function stateHtml(state: unknown): string {
  if (typeof state !== 'object' || state === null) return escapeHtml(String(state))
  const rows = known(state).map(
    ([name, value]) => `<li>${escapeHtml(name)}${name === value ? '' : `: ${textOf(value)}`}</li>`,
  )
  return `<ul>${rows.join('')}</ul>`
}

/** How the service is, in words; the states of its parts are unfolded while something is wrong. */
export function statusHtml(report: Readonly<Record<string, unknown>>, texts: PageTexts): string {
  const { status, faults, ...states } = report
  const codes = Array.isArray(faults) ? faults : []
  const isFine = status === 'ready' && codes.length === 0
  const words = status === 'ready' ? texts.ready : status === 'degraded' ? texts.degraded : texts.notReady
  const rows = known(states).map(([name, state]) => `<dt>${escapeHtml(name)}</dt><dd>${stateHtml(state)}</dd>`)
  const repair = codes.map((code) => `<code>${escapeHtml(String(code))}</code>`).join(', ')
  return `<p class="state ${status === 'ready' ? 'good' : 'bad'}">${words}</p>
${codes.length === 0 ? '' : `<p>${texts.faults} ${repair}</p>\n`}<details${isFine ? '' : ' open'}><summary>${texts.parts}</summary><dl>${rows.join('')}</dl></details>
<p class="note">${texts.statusNote}</p>`
}
