import { randomUUID } from 'node:crypto'
import { CLOCK, KEY_PREFIX, type RedisConnection } from '../databases/redis.ts'
import { createNews } from './news.ts'

/**
 * The paid calls that run on all replicas, in Redis: an identical call at one replica joins what a client of another one
 * abandoned. Their results do not pass through Redis. Without Redis each replica knows its own calls.
 */
export interface RunningCalls {
  /** A call begins. */
  enter(identity: CallIdentity): RunningCall
  /**
   * Looks for a call of another replica that the identical one may join: an abandoned one, which is its own from then on, or
   * one whose client may have disconnected a moment ago.
   * @param mayWait whether to wait for news of a client
   */
  find(identity: CallIdentity, mayWait: boolean): Promise<CallElsewhere | undefined>
  close(): Promise<void>
}

/** Which calls are identical. */
export interface CallIdentity {
  /** Hash of caller, tool and arguments; computed when it is first needed, because it hashes the images of the call. */
  fingerprint(): string
  /** The same for identical calls, and for few others. */
  outline(): string
}

/** A call of this replica. Nothing is awaited, and what is lost with Redis costs a join at most. */
export interface RunningCall {
  /** Whether a client waits for it. */
  set(state: 'awaited' | 'abandoned'): void
  /** It has a result, which other replicas can find, or failed. */
  end(): void
}

export interface CallElsewhere {
  readonly state: 'awaited' | 'abandoned'
  /** Resolves when something about it changed, at the latest after so many milliseconds or when the signal fires. */
  change(ms: number, signal: AbortSignal): Promise<void>
  /** Whether it still runs, as far as is known. */
  isRunning(): Promise<boolean>
  /** The call that would have joined it was cancelled: another one may. */
  release(): void
}

const KEEP_EVERY_MS = 5_000
/** A replica that is not seen for so long is taken for dead. */
const SILENT_MS = 15_000
/** Of the calls of one identity, longer than any of them runs. */
const KEEP_CALLS_MS = 3_600_000
/** Only one call waits for news of the same client, for so long. */
const NEWS_MS = 1_000
const CHANNEL = 'running-calls'

const key = (name: string) => `${KEY_PREFIX}:{running}:${name}`
const REPLICAS = key('replicas')

const ALIVE = `${CLOCK}
local function alive(replica) return now - tonumber(redis.call('HGET', KEYS[2], replica) or 0) < ${SILENT_MS} end`

/** KEYS calls, replicas. ARGV replica, id, state, channel, fingerprint if it is abandoned. Tells those that wait, unless the call begins. */
const SET = `${CLOCK}
redis.call('HSET', KEYS[2], ARGV[1], now)
local known = redis.call('HGET', KEYS[1], ARGV[2])
local call = known and cjson.decode(known) or {replica = ARGV[1]}
call.state = ARGV[3]
call.fingerprint = ARGV[5]
redis.call('HSET', KEYS[1], ARGV[2], cjson.encode(call))
redis.call('PEXPIRE', KEYS[1], ${KEEP_CALLS_MS})
if known and (call.waiting or call.claimer) then redis.call('PUBLISH', ARGV[4], ARGV[2]) end`

/** KEYS calls. ARGV id, channel. */
const END = `local known = redis.call('HGET', KEYS[1], ARGV[1])
if not known then return end
redis.call('HDEL', KEYS[1], ARGV[1])
local call = cjson.decode(known)
if call.waiting or call.claimer then redis.call('PUBLISH', ARGV[2], ARGV[1]) end`

/** KEYS calls, replicas. ARGV replica, whether to wait, fingerprint or nothing. Returns id and state, `unclear` without it. */
const FIND = `local all = redis.call('HGETALL', KEYS[1])
if #all == 0 then return false end
${ALIVE}
local awaited, twin, id = 0, nil, nil
for at = 1, #all, 2 do
  local call = cjson.decode(all[at + 1])
  if not alive(call.replica) then
    redis.call('HDEL', KEYS[1], all[at])
  elseif call.state == 'awaited' then
    awaited = awaited + 1
    if call.replica ~= ARGV[1] then twin, id = call, all[at] end
  elseif call.replica ~= ARGV[1] and not (call.claimer and alive(call.claimer))
    and (call.fingerprint == ARGV[3] or ARGV[3] == '') then
    if ARGV[3] == '' then return {all[at], 'unclear'} end
    call.claimer = ARGV[1]
    redis.call('HSET', KEYS[2], ARGV[1], now)
    redis.call('HSET', KEYS[1], all[at], cjson.encode(call))
    return {all[at], 'abandoned'}
  end
end
if awaited ~= 1 or not twin or ARGV[2] == '0' or (twin.waiting or 0) > now then return false end
twin.waiting = now + ${NEWS_MS}
redis.call('HSET', KEYS[1], id, cjson.encode(twin))
return {id, 'awaited'}`

/** KEYS calls, replicas. ARGV id. */
const IS_RUNNING = `local known = redis.call('HGET', KEYS[1], ARGV[1])
if not known then return 0 end
${ALIVE}
return alive(cjson.decode(known).replica) and 1 or 0`

/** KEYS calls. ARGV replica, id. */
const RELEASE = `local known = redis.call('HGET', KEYS[1], ARGV[2])
if not known then return end
local call = cjson.decode(known)
if call.claimer ~= ARGV[1] then return end
call.claimer = nil
redis.call('HSET', KEYS[1], ARGV[2], cjson.encode(call))`

const KEEP = `${CLOCK}
redis.call('HSET', KEYS[1], ARGV[1], now)`

export function createRunningCalls(redis: RedisConnection): RunningCalls {
  const me = randomUUID()
  const channel = `${KEY_PREFIX}:${CHANNEL}`
  const news = createNews<string>()
  const unsubscribe = redis.subscribe(CHANNEL, news.wake)
  const run = redis.tryRun
  const timer = setInterval(() => void run(KEEP, [REPLICAS], [me]), KEEP_EVERY_MS).unref()

  function elsewhere(calls: string, id: string, state: CallElsewhere['state']): CallElsewhere {
    return {
      state,
      async change(ms, signal) {
        await news.wait(id, signal, ms)
      },
      isRunning: async () => (await run(IS_RUNNING, [calls, REPLICAS], [id])) === 1,
      release: () => void run(RELEASE, [calls], [me, id]),
    }
  }

  return {
    enter({ outline, fingerprint }) {
      const calls = key(outline())
      const id = randomUUID()
      let hasEnded = false
      const set = (state: CallElsewhere['state']) => {
        if (!hasEnded)
          void run(SET, [calls, REPLICAS], [me, id, state, channel, state === 'abandoned' ? fingerprint() : ''])
      }
      set('awaited')
      return {
        set,
        end() {
          if (hasEnded) return
          hasEnded = true
          void run(END, [calls], [id, channel])
        },
      }
    },
    async find({ outline, fingerprint }, mayWait) {
      const calls = key(outline())
      const look = (digest: string) => run(FIND, [calls, REPLICAS], [me, mayWait ? '1' : '0', digest])
      let found = await look('')
      if (Array.isArray(found) && found[1] === 'unclear') found = await look(fingerprint())
      if (!Array.isArray(found)) return undefined
      const [id, state] = found
      return elsewhere(calls, String(id), state === 'abandoned' ? 'abandoned' : 'awaited')
    },
    async close() {
      clearInterval(timer)
      unsubscribe()
      await run(`redis.call('HDEL', KEYS[1], ARGV[1])`, [REPLICAS], [me])
    },
  }
}
