import type { McpUiHostCapabilities, McpUiHostContext } from '@modelcontextprotocol/ext-apps/app-bridge'

export interface Mount {
  /** Of the app's document. */
  src: string
  sandbox: string
  capabilities: McpUiHostCapabilities
  context: McpUiHostContext
  /** CSS pixels of the frame; without a height it follows the app. */
  width: number
  height?: number
  /** Of the tool call that opened the app. */
  input?: Record<string, unknown>
  result?: unknown
}

export interface HostEvent {
  kind: 'initialized' | 'size' | 'message' | 'context' | 'link' | 'download' | 'log' | 'mode'
  params: unknown
}
