/** The tools that a service publishes, so that tests need no list of their names. */
export interface ListedTool {
  name: string
  inputSchema: {
    required?: string[]
    properties: Record<string, { type?: string; properties?: Record<string, unknown> }>
  }
}

export async function listTools(url: string): Promise<ListedTool[]> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' })
  // Others are not told of the tools of apps.
  const headers = { 'content-type': 'application/json', 'mcp-protocol-version': '2025-11-25' }
  const response = await fetch(url, { method: 'POST', headers, body })
  return JSON.parse(await response.text()).result.tools
}

/** Whether a tool generates or edits an image. */
export const makesImage = ({ inputSchema }: ListedTool): boolean => 'prompt' in inputSchema.properties

const samples: Readonly<Record<string, unknown>> = { string: 'a', integer: 1, number: 1, boolean: true, array: [] }

/** Values for the required arguments of a tool: those that are known by name, else any of the right type. */
export function requiredArguments({ inputSchema }: ListedTool, known: Readonly<Record<string, unknown>>) {
  const { required = [], properties } = inputSchema
  return Object.fromEntries(required.map((name) => [name, known[name] ?? samples[properties[name]?.type ?? '']]))
}
