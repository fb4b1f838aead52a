import type { CallContext, ResourceContents } from '../calls/types.ts'

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
}

export interface ResourceTemplate {
  uriTemplate: string
  name: string
  title?: string
  description?: string
  mimeType?: string
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
}
