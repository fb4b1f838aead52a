import type { CallContext, Icon, ResourceContents } from '../calls/types.ts'
import type { LibraryAccess } from '../library/access.ts'

/** https://modelcontextprotocol.io/specification/2026-07-28/server/resources#resource */
export interface Resource {
  uri: string
  name: string
  title?: string
  description?: string
  mimeType?: string
  /** Bytes of the decoded content. */
  size?: number
  annotations?: { lastModified?: string }
  icons?: readonly Icon[]
}

export interface ResourceTemplate {
  uriTemplate: string
  name: string
  title?: string
  description?: string
  mimeType?: string
  icons?: readonly Icon[]
}

/** A page that hosts of the MCP Apps extension show beside the results of tools. */
export interface App {
  /** `ui://…` */
  uri: string
  html(): string | Promise<string>
  ui: AppSettings
}

/** Origins and permissions that the page needs; hosts may give fewer. */
export interface AppSettings {
  csp?: Partial<Record<'connectDomains' | 'resourceDomains' | 'frameDomains' | 'baseUriDomains', readonly string[]>>
  permissions?: Partial<Record<'camera' | 'microphone' | 'geolocation' | 'clipboardWrite', Record<string, never>>>
  prefersBorder?: boolean
}

export interface ResourcePage {
  resources: readonly Resource[]
  /** Absent on the last page. */
  nextCursor?: string
}

export interface ResourceSource {
  templates: readonly ResourceTemplate[]
  /** A page of the list; `cursor` comes from an earlier page. @throws ServiceError for an unknown cursor */
  list(cursor: string | undefined, context: CallContext): Promise<ResourcePage>
  /**
   * Undefined: no such resource exists. What must be released after the response has been sent goes into the scope of the
   * context.
   */
  read(uri: string, context: CallContext): Promise<readonly ResourceContents[] | undefined>
  /** Absent: it is not known when something changes. */
  watch?: ResourceWatch
}

/** What a client watches. */
export interface WatchedResources {
  uris: readonly string[]
  /** Whether it watches the list as well. */
  lists: boolean
  access: LibraryAccess
}

/** What a client is told: not more than that something has changed. */
export interface ResourceChange {
  /** Whether the list that it gets has changed. */
  isListed: boolean
  /** Those of its URIs whose resources have changed. */
  uris: readonly string[]
}

export interface ResourceWatch {
  /** Whether changes of the list are reported to such a client. */
  listsFor(access: LibraryAccess): boolean
  /** @returns what ends it */
  watch(watched: WatchedResources, report: (change: ResourceChange) => void): () => void
}
