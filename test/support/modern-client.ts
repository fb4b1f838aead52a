export const VERSION = '2026-07-28'
export const TASKS = 'io.modelcontextprotocol/tasks'
export const withTasks = { extensions: { [TASKS]: {} } }

export interface ModernOptions {
  /** What the client declares with every request. */
  capabilities?: object
  /** API key. */
  key?: string
  headers?: Readonly<Record<string, string>>
  /** More of `_meta`. */
  meta?: object
}

export interface ModernResponse {
  status: number
  // biome-ignore lint/suspicious/noExplicitAny: tests look at whatever the server returned
  result: any
  error: { code: number; message: string; data?: unknown } | undefined
}

export const modernMeta = (capabilities: object) => ({
  'io.modelcontextprotocol/protocolVersion': VERSION,
  'io.modelcontextprotocol/clientCapabilities': capabilities,
})

/** The headers that a modern request needs beside its body. */
export function modernHeaders(method: string, params: object): Record<string, string> {
  const { name, uri, taskId } = Object(params)
  const named: string | undefined = name ?? uri ?? taskId
  return {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': VERSION,
    'mcp-method': method,
    ...(named === undefined ? {} : { 'mcp-name': named }),
  }
}

/** Sends one modern request over HTTP. */
export async function modernRequest(
  url: string,
  method: string,
  params: object,
  { capabilities = withTasks, key, headers = {}, meta = {} }: ModernOptions = {},
): Promise<ModernResponse> {
  const response = await fetch(`${url}/mcp`, {
    method: 'POST',
    headers: {
      ...modernHeaders(method, params),
      accept: 'application/json',
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      ...headers,
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method,
      params: { ...params, _meta: { ...modernMeta(capabilities), ...meta } },
    }),
  })
  const { result, error } = Object(await response.json())
  return { status: response.status, result, error }
}
