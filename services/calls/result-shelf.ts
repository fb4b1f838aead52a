import { randomUUID } from 'node:crypto'
import Type, { type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import { LibraryResultSchema } from '../../schemas/library-result.ts'
import { CLOCK, KEY_PREFIX, type RedisConnection } from '../databases/redis.ts'

/**
 * Results that wait for an identical call, for replicas whose images are all in one library but which have no folder in common:
 * in Redis are the texts and the ids of the images. Without Redis each replica delivers its own results.
 */
export interface ResultShelf {
  put(owner: string, id: string, result: ShelvedResult, isClaimed: boolean): Promise<void>
  /** `taken`: another replica delivers it, or has. `unknown`: it is not in Redis. */
  claim(owner: string, id: string): Promise<'claimed' | 'taken' | 'unknown'>
  /** Puts it on offer again. */
  release(owner: string, id: string): Promise<void>
  /** It was delivered or has expired, so that no other replica delivers it. */
  remove(owner: string, id: string): Promise<void>
  /** Results of an owner that may be on offer. */
  find(owner: string): Promise<{ id: string; result: ShelvedResult }[]>
  close(): void
}

const ShelvedResultSchema = Type.Object({
  /** Hash of caller, tool and arguments. */
  fingerprint: Type.String(),
  /** Hash of whose part of the space it takes. */
  share: Type.String(),
  /** Wall clock. */
  expiresAt: Type.Integer(),
  /** Whether it was sent and may have been received. */
  isUnproven: Type.Boolean(),
  stored: LibraryResultSchema,
  /** Of a call that became a job; nothing is in the library yet. */
  jobId: Type.Optional(Type.String()),
})
export type ShelvedResult = Static<typeof ShelvedResultSchema>
const shelvedResults = Compile(ShelvedResultSchema)

const ALIVE_EVERY_MS = 5_000
/** Milliseconds after which the replica that claimed a result has ended, or is of no use to its client. */
const STALE_MS = 20_000
const KEEP_MS = 3_600_000

/** Beside each result is a field of this name with the replica that has it and since when, or that it was delivered. */
const CLAIM = `local field = ARGV[1] .. ':claim'
${CLOCK}
local known = redis.call('HGET', KEYS[1], field)
local claim = known and cjson.decode(known)`
const IS_FREE = `not claim or (claim.replica == ARGV[2]) or (not claim.done and now - claim.at > ${STALE_MS})`
const HAVE = `redis.call('HSET', KEYS[1], field, cjson.encode({replica = ARGV[2], at = now}))`

/** KEYS results of an owner. ARGV id, replica, result, whether it is claimed. */
const PUT = `${CLAIM}
if not (${IS_FREE}) then return end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
if ARGV[4] == '1' then ${HAVE} end
redis.call('PEXPIRE', KEYS[1], ${KEEP_MS})`

/** ARGV id, replica. */
const TAKE = `${CLAIM}
if not (${IS_FREE}) then return 'taken' end
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 'unknown' end
${HAVE}
return 'claimed'`

const RELEASE = `${CLAIM}
if claim and claim.replica == ARGV[2] and not claim.done then redis.call('HDEL', KEYS[1], field) end`

const REMOVE = `${CLAIM}
if not (${IS_FREE}) or redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return end
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('HSET', KEYS[1], field, cjson.encode({done = true}))`

export function createResultShelf(redis: RedisConnection): ResultShelf {
  const me = randomUUID()
  const held = new Map<string, string>()
  const key = (owner: string) => `${KEY_PREFIX}:results:${owner}`
  const run = (script: string, owner: string, args: readonly string[]) => redis.tryRun(script, [key(owner)], args)

  const timer = setInterval(() => {
    for (const [id, owner] of held) void run(TAKE, owner, [id, me])
  }, ALIVE_EVERY_MS).unref()

  return {
    async put(owner, id, result, isClaimed) {
      if (isClaimed) held.set(id, owner)
      await run(PUT, owner, [id, me, JSON.stringify(result), isClaimed ? '1' : '0'])
    },
    async claim(owner, id) {
      const outcome = await run(TAKE, owner, [id, me])
      if (outcome === 'claimed') held.set(id, owner)
      return outcome === 'claimed' || outcome === 'taken' ? outcome : 'unknown'
    },
    async release(owner, id) {
      held.delete(id)
      await run(RELEASE, owner, [id, me])
    },
    async remove(owner, id) {
      held.delete(id)
      await run(REMOVE, owner, [id, me])
    },
    async find(owner) {
      const all = await run(`return redis.call('HGETALL', KEYS[1])`, owner, [])
      if (!Array.isArray(all)) return []
      const found: { id: string; result: ShelvedResult }[] = []
      for (let at = 0; at < all.length; at += 2) {
        const id = String(all[at])
        if (id.endsWith(':claim')) continue
        const result: unknown = JSON.parse(String(all[at + 1]))
        if (shelvedResults.Check(result)) found.push({ id, result })
      }
      return found
    },
    close: () => clearInterval(timer),
  }
}
