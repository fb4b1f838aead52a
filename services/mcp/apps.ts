import type { Tool } from '../calls/types.ts'
import type { App } from '../resources/types.ts'

/** The extension, as clients and this server declare it. */
export const UI = 'io.modelcontextprotocol/ui'

/** https://github.com/modelcontextprotocol/ext-apps/blob/main/specification/2026-01-26/apps.mdx */
const APP_TYPE = 'text/html;profile=mcp-app'

/** What the list of tools says of a tool's app; older hosts read the second spelling. Nothing where there is no app. */
export function appMetaOf({ ui }: Tool, apps: readonly App[] = []) {
  if (ui === undefined || apps.length === 0) return {}
  const { resourceUri } = ui
  return { _meta: { ui, ...(resourceUri === undefined ? {} : { 'ui/resourceUri': resourceUri }) } }
}

/** Undefined: the URI is not one of an app. */
export async function readApp(uri: string, apps: readonly App[] = []) {
  const app = apps.find((each) => each.uri === uri)
  if (app === undefined) return undefined
  return [{ uri, mimeType: APP_TYPE, text: await app.html(), _meta: { ui: app.ui } }]
}
