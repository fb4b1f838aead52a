import { ListParamsSchema, ReadResourceParamsSchema } from '../../../schemas/mcp.ts'
import { ServiceError } from '../../errors/errors.ts'
import type { CompiledCatalog, Resource, ResourceSource } from '../catalog.ts'
import { defineMethod } from '../method.ts'
import { INVALID_PARAMS, invalidParams, ProtocolError, RESOURCE_NOT_FOUND } from '../protocol-error.ts'
import type { Revision } from '../revisions.ts'

/** Images come and go with every call, and belong to the callers of this service alone. */
const volatile = { ttlMs: 5_000, cacheScope: 'private' } as const
/** A saved image is never replaced, but its file may be deleted. */
const lasting = { ttlMs: 60_000, cacheScope: 'private' } as const

export const listResources = defineMethod(
  { name: 'resources/list', needs: 'resources', cache: volatile },
  ListParamsSchema,
  async ({ cursor }, { catalog, revision }) => {
    const { resources, nextCursor } = await listPage(cursor, catalog)
    return {
      resources: resources.map((resource) => describeResource(resource, revision)),
      ...(nextCursor === undefined ? {} : { nextCursor }),
    }
  },
)

async function listPage(cursor: string | undefined, catalog: CompiledCatalog) {
  try {
    return await sourceOf(catalog).list(cursor)
  } catch (error) {
    throw error instanceof ServiceError && error.family === 'input' ? invalidParams(error.message) : error
  }
}

export const listResourceTemplates = defineMethod(
  { name: 'resources/templates/list', needs: 'resources', cache: { ttlMs: 3_600_000, cacheScope: 'public' } },
  ListParamsSchema,
  ({ cursor }, { catalog, revision }) => {
    if (cursor !== undefined) throw invalidParams('Unknown cursor: the list of templates has one page.')
    return { resourceTemplates: sourceOf(catalog).templates.map((template) => dropTitle(template, revision)) }
  },
)

export const readResource = defineMethod(
  { name: 'resources/read', nameMember: 'uri', needs: 'resources', cache: lasting },
  ReadResourceParamsSchema,
  async ({ uri }, call) => {
    const contents = await sourceOf(call.catalog).read(uri, call.signal)
    if (contents === undefined) throw notFound(uri, call.revision)
    return { contents }
  },
)

function describeResource({ annotations, ...resource }: Resource, revision: Revision) {
  const known = revision.hasLastModified && annotations !== undefined ? { annotations } : {}
  return { ...dropTitle(resource, revision), ...known }
}

function dropTitle<T extends { title?: string }>({ title, ...rest }: T, revision: Revision) {
  return { ...rest, ...(revision.hasTitles && title !== undefined ? { title } : {}) }
}

/**
 * Up to 2025-11-25 a code of its own, later a matter of params.
 * https://modelcontextprotocol.io/specification/2026-07-28/server/resources#error-handling
 */
function notFound(uri: string, { era }: Revision): ProtocolError {
  const code = era === 'modern' ? INVALID_PARAMS : RESOURCE_NOT_FOUND
  return new ProtocolError(code, 'Resource not found', { data: { uri } })
}

function sourceOf({ resources }: CompiledCatalog): ResourceSource {
  if (resources === undefined) throw new Error('a method was reached whose part of the catalog is absent')
  return resources
}
