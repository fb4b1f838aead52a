import { STUDIO_META, type StudioMeta } from '../../schemas/studio.ts'
import { isRecord } from '../../services/bytes/json/is-record.ts'

export interface StudioResult {
  /** Absent: the result has none. */
  facts: StudioMeta | undefined
  text: string
  isError: boolean
  /** Of the first embedded resource. */
  bytes: Buffer
  // biome-ignore lint/suspicious/noExplicitAny: tests look at whatever the server returned
  raw: any
}

/** Calls a tool as the studio's page does. @param headers replace those of MCP */
export async function callFromStudio(
  url: string,
  name: string,
  args: object = {},
  headers: Readonly<Record<string, string>> = {},
): Promise<StudioResult> {
  const response = await fetch(`${url}/mcp`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json',
      'mcp-protocol-version': '2025-11-25',
      ...headers,
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args } }),
  })
  return studioResult(Object(await response.json()).result)
}

// biome-ignore lint/suspicious/noExplicitAny: tests look at whatever the server returned
export function studioResult(raw: any): StudioResult {
  const blocks: unknown[] = raw.content
  const texts = blocks.flatMap((block) => (isRecord(block) && typeof block.text === 'string' ? [block.text] : []))
  const blobs = blocks.flatMap((block) => (isRecord(block) && isRecord(block.resource) ? [block.resource.blob] : []))
  return {
    facts: raw._meta?.[STUDIO_META],
    text: texts.join('\n'),
    isError: raw.isError === true,
    bytes: Buffer.from(String(blobs[0] ?? ''), 'base64'),
    raw,
  }
}
