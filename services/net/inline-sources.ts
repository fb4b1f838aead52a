import { createHash } from 'node:crypto'

/** The sources of a page's inlined scripts and styles, as a Content-Security-Policy names them. */
export interface InlineSources {
  scripts: readonly string[]
  styles: readonly string[]
}

/**
 * Only for pages of our own, whose elements have no `>` in their attributes, and no text that looks like an end tag.
 * https://www.w3.org/TR/CSP3/#match-element-to-source-list
 */
export function inlineSourcesOf(html: string): InlineSources {
  return { scripts: sourcesOf(html, 'script'), styles: sourcesOf(html, 'style') }
}

export const inlineSource = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`

function sourcesOf(html: string, element: 'script' | 'style'): string[] {
  const sources: string[] = []
  const end = `</${element}>`
  for (let from = html.indexOf(`<${element}`); from >= 0; from = html.indexOf(`<${element}`, from)) {
    const start = html.indexOf('>', from) + 1
    const to = html.indexOf(end, start)
    if (start === 0 || to < 0) break
    sources.push(inlineSource(html.slice(start, to)))
    from = to + end.length
  }
  return sources
}
