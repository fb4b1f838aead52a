/** Messages of every MCP revision, as raw clients send them. */

export interface Revision {
  name: string
  headers: Readonly<Record<string, string>>
  /** Added to `params`. */
  params: object
}

const legacy = (name: string, headers: Readonly<Record<string, string>> = {}): Revision => ({
  name,
  headers,
  params: {},
})

const modern: Revision = {
  name: '2026-07-28',
  headers: { 'mcp-protocol-version': '2026-07-28' },
  params: {
    _meta: {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientInfo': { name: 'raw-client', version: '1.0.0' },
      'io.modelcontextprotocol/clientCapabilities': {},
    },
  },
}

/** `bare`: JSON-RPC without MCP. Versions up to 2025-03-26 are not named in a header. */
export const revisions: readonly Revision[] = [
  legacy('bare'),
  legacy('2024-11-05', { 'mcp-protocol-version': '2024-11-05' }),
  legacy('2025-03-26'),
  legacy('2025-06-18', { 'mcp-protocol-version': '2025-06-18' }),
  legacy('2025-11-25', { 'mcp-protocol-version': '2025-11-25' }),
  modern,
]

/** A tool call, and the headers that belong to it. */
export function toolCall(
  { name: version, headers, params }: Revision,
  id: number | string,
  name: string,
  args: object,
  progressToken?: string,
): { body: string; headers: Record<string, string> } {
  const meta = '_meta' in params ? params._meta : {}
  const _meta = { ...Object(meta), ...(progressToken === undefined ? {} : { progressToken }) }
  const call = { name, arguments: args, ...(Object.keys(_meta).length > 0 ? { _meta } : {}) }
  return {
    body: JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params: call }),
    headers: { ...headers, ...(version === modern.name ? { 'mcp-method': 'tools/call', 'mcp-name': name } : {}) },
  }
}

export function cancelNotice({ name: version, headers, params }: Revision, requestId: number | string) {
  return {
    body: JSON.stringify({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { ...params, requestId } }),
    headers: { ...headers, ...(version === modern.name ? { 'mcp-method': 'notifications/cancelled' } : {}) },
  }
}
