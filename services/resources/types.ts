import type { ResourceContents } from '../calls/types.ts'
import type { PixelClaim } from '../imaging/pixel-claim.ts'

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

export interface ResourceSource {
  templates: readonly ResourceTemplate[]
  /** A page of the list; `cursor` comes from an earlier page. @throws ServiceError for an unknown cursor */
  list(cursor: string | undefined): Promise<{ resources: readonly Resource[]; nextCursor?: string }>
  /**
   * Undefined: no such resource exists. What must be released after the response has been sent goes into `scope`.
   * @param claim for the preview of an image that is too large for the transport
   */
  read(uri: string, scope: AsyncDisposableStack, claim?: PixelClaim): Promise<readonly ResourceContents[] | undefined>
}
