import Type, { type TSchema } from 'typebox'

/**
 * Parameters of each method. Unknown members are accepted, as the specification requires; what a revision adds is
 * optional here. https://modelcontextprotocol.io/specification/2026-07-28/schema
 */

const MetaSchema = Type.Object({
  progressToken: Type.Optional(Type.Union([Type.String({ maxLength: 1024 }), Type.Integer()])),
})

/** The part of `params` that every request may carry. */
export const BaseParamsSchema = Type.Object({ _meta: Type.Optional(MetaSchema) })

/** Clients in typed languages send every optional member, with null if it is absent. */
const orNull = <S extends TSchema>(schema: S) => Type.Union([schema, Type.Null()])

const name = Type.String({ maxLength: 256 })
const uri = Type.String({ maxLength: 4096 })
const meta = { _meta: Type.Optional(MetaSchema) }

export const InitializeParamsSchema = Type.Object({
  ...meta,
  protocolVersion: Type.String({ maxLength: 64 }),
  capabilities: Type.Record(Type.String(), Type.Unknown()),
  clientInfo: Type.Object({ name: Type.String({ maxLength: 1024 }), version: Type.String({ maxLength: 1024 }) }),
})

export const ListParamsSchema = Type.Object({ ...meta, cursor: Type.Optional(Type.String({ maxLength: 1024 })) })

/** Far more than any tool has; checking a hundred thousand would block the event loop. */
const MAX_ARGUMENTS = 256

/** A client with more opens another subscription. */
const MAX_WATCHED_URIS = 100
const MAX_WATCHED_TASKS = 32

/** What a client subscribes to; filters of extensions that are not here are not supported. */
export const ListenParamsSchema = Type.Object({
  ...meta,
  notifications: Type.Object({
    toolsListChanged: Type.Optional(Type.Boolean()),
    promptsListChanged: Type.Optional(Type.Boolean()),
    resourcesListChanged: Type.Optional(Type.Boolean()),
    resourceSubscriptions: Type.Optional(Type.Array(uri, { maxItems: MAX_WATCHED_URIS })),
    /** Of the Tasks extension. */
    taskIds: Type.Optional(Type.Array(Type.String({ maxLength: 256 }), { maxItems: MAX_WATCHED_TASKS })),
  }),
})

export const SubscribeParamsSchema = Type.Object({ ...meta, uri })

export const CallToolParamsSchema = Type.Object({
  ...meta,
  name,
  arguments: Type.Optional(Type.Record(Type.String(), Type.Unknown(), { maxProperties: MAX_ARGUMENTS })),
})

const inputResponses = Type.Record(Type.String(), Type.Unknown(), { maxProperties: 64 })

export const TaskParamsSchema = Type.Object({ ...meta, taskId: Type.String({ maxLength: 256 }) })

export const UpdateTaskParamsSchema = Type.Object({ ...TaskParamsSchema.properties, inputResponses })

/** What a client repeats its request with after questions. Only modern requests have it. */
export const InputParamsSchema = Type.Object({
  inputResponses: Type.Optional(inputResponses),
  requestState: Type.Optional(Type.String({ maxLength: 16_384 })),
})

export const ReadResourceParamsSchema = Type.Object({ ...meta, uri })

export const GetPromptParamsSchema = Type.Object({
  ...meta,
  name,
  arguments: Type.Optional(Type.Record(Type.String(), orNull(Type.String()), { maxProperties: MAX_ARGUMENTS })),
})

export const CompleteParamsSchema = Type.Object({
  ...meta,
  ref: Type.Union([
    Type.Object({ type: Type.Literal('ref/prompt'), name }),
    Type.Object({ type: Type.Literal('ref/resource'), uri }),
  ]),
  argument: Type.Object({ name, value: Type.String({ maxLength: 4096 }) }),
  context: Type.Optional(
    Type.Object({
      arguments: Type.Optional(
        Type.Record(Type.String(), orNull(Type.String({ maxLength: 4096 })), { maxProperties: MAX_ARGUMENTS }),
      ),
    }),
  ),
})
