import { escapeHtml } from '../../services/net/escape-html.ts'
import { inlineSource } from '../../services/net/inline-sources.ts'
import { clientDialogs, clientSetups, KEY_VARIABLE } from './clients.ts'
import { installLinks } from './install-links.ts'
import { statusHtml } from './status.ts'
import type { PageTexts } from './texts.ts'

export interface PageFacts {
  /** Scheme and host of the request, checked. */
  origin: string
  version: string
  needsKey: boolean
  hasOAuth: boolean
  hasOpenAiApi: boolean
  /** Whether there is a studio; `blocked`: its calls would be rejected, because no setting names the origin of this page. */
  studio: 'open' | 'blocked' | undefined
  /** Whether this reader may see `/metrics`. */
  hasMetrics: boolean
  /** Of `/ready`. */
  report: Readonly<Record<string, unknown>>
}

const style = `
:root { color-scheme: light dark; --line: light-dark(#d5d9e0, #3a404c); --soft: light-dark(#f3f5f8, #1c2028); --ink: light-dark(#1b1f27, #e6e9ef); --accent: light-dark(#0b5cad, #7db8ff); --good: light-dark(#0a6b37, #6fdc9c); --bad: light-dark(#a1260d, #ff9a85) }
body { font: 16px/1.6 system-ui, sans-serif; max-width: 50rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; color: var(--ink); background: light-dark(#fff, #12151b) }
header { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: baseline; gap: 0 1rem }
h1 { font-size: 1.6rem; margin: .5rem 0 } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem }
a { color: var(--accent) }
pre, .address { background: var(--soft); border: 1px solid var(--line); border-radius: .5rem; padding: .75rem .9rem; overflow-x: auto; user-select: all; font: .86rem/1.55 ui-monospace, monospace }
pre:focus-visible, summary:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px }
.address { display: block; overflow-wrap: anywhere }
details { border: 1px solid var(--line); border-radius: .5rem; margin: .5rem 0 } details[open] { padding-bottom: .3rem }
summary { cursor: pointer; padding: .55rem .9rem; font-weight: 600 } summary code { font-weight: 400; opacity: .8; overflow-wrap: anywhere }
details pre, details dl { margin: .3rem .9rem }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.2rem; margin: .6rem 0 } dd ul { margin: 0; padding-left: 0; list-style: none } dt { opacity: .8 } dd { margin: 0; overflow-wrap: anywhere }
.state { font-weight: 600 } .good { color: var(--good) } .bad { color: var(--bad) }
.note { font-size: .9rem; opacity: .85 }
@media (max-width: 32rem) { dl { grid-template-columns: 1fr; gap: 0 } dd { padding-bottom: .4rem } }
`

/** The source of the page's only style, for its Content-Security-Policy. */
export const STYLE_SOURCE = inlineSource(style)

/** Focusable, so that a keyboard can scroll it. */
const block = (text: string, label: string): string =>
  `<pre tabindex="0" aria-label="${escapeHtml(label)}">${escapeHtml(text)}</pre>`

function clientsHtml(url: string, { needsKey }: PageFacts, texts: PageTexts): string {
  const files = clientSetups(url, needsKey)
    .filter(({ name }) => name !== 'curl')
    .map(
      ({ name, title = name, file, text }, at) =>
        `<details${at === 0 ? ' open' : ''}><summary>${title} · <code>${escapeHtml(file)}</code></summary>${block(text, title)}</details>`,
    )
  const dialogs = clientDialogs.map(({ name, steps }) => {
    const text = texts.lang === 'en' ? steps.en : steps.zh
    return `<dt>${name}</dt><dd>${escapeHtml(text)}</dd>`
  })
  const links = installLinks(url, needsKey).map(({ client, href }) => `<a href="${escapeHtml(href)}">${client}</a>`)
  return `<p>${texts.install} ${links.join(' · ')}</p>\n${files.join('\n')}\n<p>${texts.dialogs}</p>\n<dl>${dialogs.join('\n')}</dl>`
}

function generateCommand(origin: string, needsKey: boolean): string {
  const key = needsKey ? `-H "Authorization: Bearer $${KEY_VARIABLE}" ` : ''
  return `curl -sS -X POST ${origin}/ \\
  ${key}-H "Content-Type: application/json" \\
  -d '{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"generate_image","arguments":{
        "prompt":"A beautiful sunset over mountains","output_path":"sunset.png"}}}' |
  jq -rn 'input | if .result and (.result.isError | not) then .result.content[0].text else halt_error end'`
}

/** A relative link, so that it works below the path of a proxy. */
function studioHtml(studio: 'open' | 'blocked', origin: string, texts: PageTexts): string {
  const invitation = `<p>${texts.studio} <a class="studio" href="studio">${texts.openStudio}</a></p>\n`
  if (studio === 'open') return invitation
  return `${invitation}<p class="note">${texts.studioBlocked} <code>ALLOWED_ORIGINS=${origin}</code></p>\n`
}

/** The page at `GET /`. */
export function homePage(facts: PageFacts, texts: PageTexts): string {
  const { origin, version, needsKey, hasOAuth, hasOpenAiApi, hasMetrics, studio, report } = facts
  const hasCredential = needsKey || hasOAuth
  const url = `${origin}/mcp`
  const list = clientSetups(`${origin}/`, hasCredential).find(({ name }) => name === 'curl')?.text ?? ''
  return `<!doctype html>
<html lang="${texts.lang}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>azure-image-editor-mcp</title>
<style>${style}</style>
<header><h1>azure-image-editor-mcp</h1><span>${escapeHtml(version)} · ${texts.otherLanguage}</span></header>
<main>
<p>${texts.intro}</p>
${studio === undefined ? '' : studioHtml(studio, origin, texts)}
<h2>${texts.status}</h2>
${statusHtml(report, texts)}

<h2>${texts.connect}</h2>
<p>${texts.address}</p>
<code class="address">${url}</code>
${needsKey ? `<p>${texts.key}</p>\n` : ''}${hasOAuth ? `<p>${texts.oauth}</p>\n` : ''}<p class="note">${texts.selects}</p>
${clientsHtml(url, facts, texts)}

<h2>${texts.call}</h2>
<p>${texts.list}</p>
${block(list, texts.list)}
<p>${texts.generate}</p>
${block(generateCommand(origin, hasCredential), texts.generate)}
<p class="note">${texts.windows}</p>
${hasOpenAiApi ? `<p>${texts.openai}</p>\n<code class="address">${origin}/v1</code>\n` : ''}
<h2>${texts.operate}</h2>
<p><a href="/health">/health</a> · <a href="/ready">/ready</a>${hasMetrics ? ' · <a href="/metrics">/metrics</a>' : ''}</p>
<p>${texts.documentation}</p>
</main>
</html>
`
}
