import { ListParamsSchema, ReadResourceParamsSchema } from '../../../schemas/mcp.ts'
import type { Resource, ResourceSource, ResourceTemplate } from '../../resources/types.ts'
import { readApp } from '../apps.ts'
import type { CompiledCatalog } from '../catalog.ts'
import { iconsOf } from '../icons.ts'
import { defineMethod } from '../method.ts'
import { INVALID_PARAMS, invalidParams, ProtocolError, RESOURCE_NOT_FOUND } from '../protocol-error.ts'
import type { Revision } from '../types.ts'

/** Images change with every call and are for the clients of this service only. */
const volatile = { ttlMs: 5_000, cacheScope: 'private' } as const
/** A saved image is never replaced, but its file may be deleted. */
const lasting = { ttlMs: 60_000, cacheScope: 'private' } as const

export const listResources = defineMethod(
  { name: 'resources/list', needs: 'resources', cache: volatile },
  ListParamsSchema,
  async ({ cursor }, { context, engine: { catalog }, revision }) => {
    const { resources, nextCursor } = await sourceOf(catalog).list(cursor, context)
    return {
      resources: resources.map((resource) => describeResource(resource, revision)),
      ...(nextCursor === undefined ? {} : { nextCursor }),
    }
  },
)

export const listResourceTemplates = defineMethod(
  { name: 'resources/templates/list', needs: 'resources', cache: { ttlMs: 3_600_000, cacheScope: 'public' } },
  ListParamsSchema,
  ({ cursor }, { engine: { catalog }, revision }) => {
    if (cursor !== undefined) throw invalidParams('Unknown cursor: the list of templates has one page.')
    return { resourceTemplates: sourceOf(catalog).templates.map((template) => describeEntry(template, revision)) }
  },
)

export const readResource = defineMethod(
  { name: 'resources/read', nameMember: 'uri', asks: true, needs: 'resources', cache: lasting },
  ReadResourceParamsSchema,
  async ({ uri }, request) => {
    const { catalog } = request.engine
    const contents = (await readApp(uri, catalog.apps)) ?? (await sourceOf(catalog).read(uri, request.context))
    if (contents === undefined) throw notFound(uri, request.revision)
    return { contents }
  },
)

function describeResource({ annotations, ...resource }: Resource, revision: Revision) {
  const known = revision.hasLastModified && annotations !== undefined ? { annotations } : {}
  return { ...describeEntry(resource, revision), ...known }
}

function describeEntry<T extends ResourceTemplate | Omit<Resource, 'annotations'>>(
  { title, icons, ...rest }: T,
  revision: Revision,
) {
  const entry = { ...rest, ...(revision.hasTitles && title !== undefined ? { title } : {}) }
  return { ...entry, ...iconsOf(icons === undefined ? {} : { icons }, revision) }
}

/**
 * Up to 2025-11-25 this has its own error code; later it is an invalid parameter.
 * https://modelcontextprotocol.io/specification/2026-07-28/server/resources#error-handling
 */
function notFound(uri: string, { era }: Revision): ProtocolError {
  const code = era === 'modern' ? INVALID_PARAMS : RESOURCE_NOT_FOUND
  return new ProtocolError(code, 'Resource not found', { data: { uri } })
}

function sourceOf({ resources }: CompiledCatalog): ResourceSource {
  if (resources === undefined) throw new Error('a method was called whose part of the catalog is absent')
  return resources
}
