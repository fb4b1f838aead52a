import { createHmac, randomUUID } from 'node:crypto'
import Type, { type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import type { ImageRecord } from '../../schemas/image-record.ts'
import type { RedisConnection } from '../databases/redis.ts'

/** A change of an image, without anything that someone who reads the channel could use. */
const ImageEventSchema = Type.Object({
  /** Digest of the owner. */
  owner: Type.String({ maxLength: 64 }),
  /** Digests of the id and of the names by which the image was or is reached. */
  keys: Type.Array(Type.String({ maxLength: 64 }), { maxItems: 8 }),
  /** Whether a list of images differs from before: it does not show tags. */
  isListed: Type.Boolean(),
})
export type ImageEvent = Static<typeof ImageEventSchema>

/** What replicas tell each other; absent `change`: the sender may have lost some. */
const MessageSchema = Type.Object({ from: Type.String({ maxLength: 64 }), change: Type.Optional(ImageEventSchema) })
const messages = Compile(MessageSchema)

export interface ImageEventListener {
  changed(change: ImageEvent): void
  /** Changes may have been lost, and it is not known which. */
  missed(): void
}

/** Tells this process and its replicas which images were stored, changed and removed. Messages may come twice. */
export interface ImageEvents extends Disposable {
  /** @param formerName of a named image that has got another name */
  report(
    image: Pick<ImageRecord, 'id' | 'owner' | 'isNamed' | 'location'>,
    isListed: boolean,
    formerName?: string,
  ): void
  /** @returns what ends it */
  watch(listener: ImageEventListener): () => void
  /** The digest of an owner, or of the key of an image. */
  digestOf(text: string): string
}

const CHANNEL = 'image-events'
const DIGEST_CHARACTERS = 22

/** What stands for an image in `ImageEvent.keys`. */
export const keyOfId = (id: string): string => `id:${id}`
export const keyOfName = (name: string): string => `name:${name}`

/** @param key 32 bytes, the same for all replicas; without it no one can try out ids and owners */
export function createImageEvents(key: Buffer, redis: RedisConnection | undefined): ImageEvents {
  const me = randomUUID()
  const listeners = new Set<ImageEventListener>()

  const digestOf = (text: string) =>
    createHmac('sha256', key).update(text).digest('base64url').slice(0, DIGEST_CHARACTERS)
  function publish(change?: ImageEvent): void {
    void redis?.publish(CHANNEL, JSON.stringify({ from: me, ...(change && { change }) }))
  }
  function miss(): void {
    for (const listener of listeners) listener.missed()
  }
  function receive(text: string): void {
    const message = parse(text)
    if (message === undefined || message.from === me) return
    if (message.change === undefined) miss()
    else for (const listener of listeners) listener.changed(message.change)
  }

  const unsubscribe = redis?.subscribe(CHANNEL, receive, miss)
  redis?.onChange((isUsable) => {
    // What was reported meanwhile reached no one else.
    if (isUsable) publish()
  })

  return {
    digestOf,
    report({ id, owner, isNamed, location }, isListed, formerName) {
      const names = [...(isNamed ? [location] : []), ...(formerName === undefined ? [] : [formerName])]
      const keys = [keyOfId(id), ...names.map(keyOfName)].map(digestOf)
      const change = { owner: digestOf(owner), keys, isListed }
      for (const listener of listeners) listener.changed(change)
      publish(change)
    },
    watch(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    [Symbol.dispose]: () => unsubscribe?.(),
  }
}

/** Undefined: another version of this service sent it. */
function parse(text: string): Static<typeof MessageSchema> | undefined {
  try {
    const message: unknown = JSON.parse(text)
    return messages.Check(message) ? message : undefined
  } catch {
    return undefined
  }
}
