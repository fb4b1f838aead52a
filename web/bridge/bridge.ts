import type { StudioMeta } from '../../schemas/studio.ts'

/**
 * How the studio reaches the service and the program around it. There are two: `host-bridge.ts` inside a chat (messages to the
 * host, which passes calls on), `page-bridge.ts` in a browser (requests to the endpoint).
 */

/** What a tool returned. Everything in it comes from outside and has been checked. */
export interface ToolResult {
  /** The service rejected the call; `text` says why and what to change. */
  isError: boolean
  /** The text blocks, a line each. */
  text: string
  /** Facts for the studio. Empty if the host removed them: then ids are in the text. */
  meta: StudioMeta
  /** Images and files of the content. */
  files: readonly ToolFile[]
}

export interface ToolFile {
  mimeType: string
  base64: string
}

/** An argument that is undefined is not sent. */
export type ToolArguments = Readonly<Record<string, unknown>>

export interface CallOptions {
  /** The caller of `callTool` no longer needs the result. The service may go on. */
  signal?: AbortSignal | undefined
  /** 60 s by default. */
  timeoutMs?: number
}

export type Theme = 'light' | 'dark'
export type DisplayMode = 'inline' | 'fullscreen' | 'pip'

/** What the host says of itself. It may change at any time. */
export interface HostContext {
  theme: Theme
  /** BCP 47, such as `zh-CN`. */
  locale: string
  displayMode: DisplayMode
  /** What `requestDisplayMode` may ask for. */
  displayModes: readonly DisplayMode[]
  /** CSS variables (`--color-background-primary` …), by name. */
  variables: Readonly<Record<string, string>>
  /** `@font-face` rules. */
  fonts?: string | undefined
  /** CSS pixels that the studio may use; absent: the host did not say. */
  maxHeight?: number | undefined
  /** CSS pixels at the edges that are covered by the device. */
  safeArea?: { top: number; right: number; bottom: number; left: number } | undefined
}

/** A file that the person stores. */
export interface SavedFile {
  name: string
  mimeType: string
  /** `image://img_…` */
  uri: string
  bytes: Uint8Array<ArrayBuffer>
}

/** What the host can do. An ability that is absent is not offered to the person. */
export interface HostAbilities {
  /** Puts a text into the context of the chat's next turn; each call replaces the last. */
  updateModelContext?(text: string): Promise<void>
  /** Writes a message of the person into the chat. The host may ask first. */
  sendMessage?(text: string): Promise<void>
  saveFile?(file: SavedFile): Promise<void>
  openLink?(url: string): Promise<void>
  /** Only from a click. @returns the mode that the host chose, which may be another */
  requestDisplayMode?(mode: DisplayMode): Promise<DisplayMode>
}

export interface Bridge {
  readonly mode: 'host' | 'page'
  readonly abilities: HostAbilities
  readonly context: HostContext
  /** @returns a function that ends it */
  onContext(listener: (context: HostContext) => void): () => void
  /**
   * Calls a tool of the service. A call that the service rejects is a result with `isError`, not an exception.
   * @throws StudioError if there is no result: see `StudioErrorKind`
   */
  callTool(name: string, args: ToolArguments, options?: CallOptions): Promise<ToolResult>
  /** The result of the call for which the host opened the studio, once it is there. Never called in a browser. */
  onOpenedWith(listener: (result: ToolResult) => void): void
  /** The studio is about to be closed: stores what is not stored yet. */
  onTeardown(listener: () => Promise<void>): void
}
