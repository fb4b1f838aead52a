import type { HostContext } from './bridge/bridge.ts'

const fontStyle = document.createElement('style')
let applied: string[] = []

/** Theme, variables, fonts and covered edges of the host, as the style sheet reads them. */
export function applyContext({ theme, locale, variables, fonts, safeArea, maxHeight }: HostContext): void {
  const { style, dataset } = document.documentElement
  dataset.theme = theme
  document.documentElement.lang = locale
  for (const name of applied) style.removeProperty(name)
  const own = Object.entries(safeArea ?? {}).map(([edge, size]): [string, string] => [`--safe-${edge}`, `${size}px`])
  if (maxHeight !== undefined) own.push(['--host-height', `${maxHeight}px`])
  const all = [...Object.entries(variables).filter(([name]) => name.startsWith('--')), ...own]
  for (const [name, value] of all) style.setProperty(name, value)
  applied = all.map(([name]) => name)
  if (fonts !== undefined && fontStyle.textContent !== fonts) {
    fontStyle.textContent = fonts
    document.head.append(fontStyle)
  }
}
