import type { AccessError } from './access-error.ts'

/** https://www.rfc-editor.org/rfc/rfc9728#section-3 */
export const RESOURCE_METADATA_PATH = '/.well-known/oauth-protected-resource'

/** An address of the endpoint, with its metadata that names the issuer. https://www.rfc-editor.org/rfc/rfc9728 */
export interface ProtectedResource {
  /** The resource's own address, as clients call it. */
  resource: string
  /** The path of its metadata on this server: the well-known part, then the resource's own path. */
  metadataPath: string
  metadataUrl: string
}

/** The two addresses of the endpoint: `PUBLIC_URL` itself, and `/mcp` below it. */
export function describeResources(publicUrl: string): { root: ProtectedResource; mcp: ProtectedResource } {
  const base = publicUrl.replace(/(?<!\/)\/+$/, '')
  return { root: describe(base), mcp: describe(`${base}/mcp`) }
}

function describe(resource: string): ProtectedResource {
  const { origin, pathname } = new URL(resource)
  const metadataPath = `${RESOURCE_METADATA_PATH}${pathname === '/' ? '' : pathname}`
  return { resource, metadataPath, metadataUrl: origin + metadataPath }
}

/** https://www.rfc-editor.org/rfc/rfc9728#section-2 */
export function resourceMetadata({ resource }: ProtectedResource, issuer: string, scopes: readonly string[]) {
  return {
    resource,
    resource_name: 'Azure Image Editor',
    authorization_servers: [issuer],
    bearer_methods_supported: ['header'],
    ...(scopes.length === 0 ? {} : { scopes_supported: scopes }),
  }
}

/**
 * The `WWW-Authenticate` header of a rejection. Every part is a constant or from the configuration, which contains no quotes.
 * https://modelcontextprotocol.io/specification/2025-11-25/basic/authorization#protected-resource-metadata-discovery-requirements
 */
export function challenge(
  { reason, message }: AccessError,
  metadataUrl: string | undefined,
  scopes: readonly string[],
): string {
  const parts = {
    realm: 'azure-image-editor-mcp',
    ...(reason === undefined ? {} : { error: reason, error_description: message.replaceAll(/["\\]/g, "'") }),
    ...(scopes.length === 0 ? {} : { scope: scopes.join(' ') }),
    ...(metadataUrl === undefined ? {} : { resource_metadata: metadataUrl }),
  }
  return `Bearer ${Object.entries(parts)
    .map(([name, value]) => `${name}="${value}"`)
    .join(', ')}`
}
