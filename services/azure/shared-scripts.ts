import { CLOCK } from '../databases/redis.ts'

/**
 * The state of a deployment that replicas share, by Redis' clock. Keys of every script: the state, the replicas, the callers.
 *
 * Callers take turns by start-time fair queueing: each has a tag, that of its next turn, and the lowest tag goes first. A caller
 * that comes new begins at the tag of the last turn (`virtual`). https://doi.org/10.1109/90.649569
 */

/** Milliseconds after which an unused state is forgotten; replicas know it still. */
const STATE_MS = 600_000
/** A replica that was not seen for so long counts no more. */
const PRESENCE_MS = 5_000
/** Requests that all replicas start while no interval is known, and when such a start no longer counts. */
const INITIAL_CONCURRENCY = 4
const INITIAL_MS = 60_000
/** Milliseconds after which a replica asks again whether the interval is known. */
const UNKNOWN_WAIT_MS = 200

/** Keeps the state as long as anything in it matters. */
const KEEP = `
local function keep()
  local ends = redis.call('HMGET', KEYS[1], 'paused', 'blocked')
  local last = math.max(now, tonumber(ends[1]) or 0, tonumber(ends[2]) or 0)
  redis.call('PEXPIRE', KEYS[1], math.ceil(last - now) + ${STATE_MS})
end
`

/**
 * ARGV: the replica, its waiting calls, their callers, its interval, then the callers of which one asks for a turn; `!` is a
 * call that had a turn in vain. A turn is taken when it is due, never ahead: a call that is cancelled wastes none. The replica
 * whose callers have the lowest tag takes it; if that one is late by an eighth of the interval, any other.
 */
export const ASK = `${CLOCK}${KEEP}
local id = ARGV[1]
local state = redis.call('HMGET', KEYS[1], 'interval', 'next', 'paused', 'blocked', 'route', 'virtual', 'first', 'count')
local interval = tonumber(state[1]) or tonumber(ARGV[4])
local opens, paused, blocked = tonumber(state[2]) or 0, tonumber(state[3]) or 0, tonumber(state[4])
local virtual = tonumber(state[6]) or 0
-- A clock that was set back must not keep replicas waiting.
if interval and opens > now + ${INITIAL_CONCURRENCY + 1} * interval then
  opens = now + interval
  redis.call('HSET', KEYS[1], 'next', opens)
end
local function best(callers)
  local first, lowest
  for caller in string.gmatch(callers, '[^,]+') do
    local tag = -1
    if caller ~= '!' then tag = math.max(virtual, tonumber(redis.call('ZSCORE', KEYS[3], caller)) or 0) end
    if not lowest or tag < lowest then first, lowest = caller, tag end
  end
  return first, lowest
end
local caller, tag = best(ARGV[5])
local own = redis.call('HGET', KEYS[2], id)
local served = own and tonumber(string.match(own, '^[^|]*|([^|]*)')) or 0
local replicas, rank, waiting, callers, isBehind = 1, 0, 0, 0, false
local entries = redis.call('HGETALL', KEYS[2])
for i = 1, #entries, 2 do
  local other = entries[i]
  local till, last, calls, owners, asking = string.match(entries[i + 1], '^([^|]*)|([^|]*)|([^|]*)|([^|]*)|(.*)$')
  if other ~= id and tonumber(till) < now then redis.call('HDEL', KEYS[2], other)
  elseif other ~= id then
    replicas = replicas + 1
    waiting = waiting + tonumber(calls)
    callers = callers + tonumber(owners)
    if other < id then rank = rank + 1 end
    local _, lowest = best(asking)
    if tag and lowest then
      isBehind = isBehind or lowest < tag or (lowest == tag and (tonumber(last) < served or (tonumber(last) == served and other < id)))
    end
  end
end
local wait, isTaken = -1, false
if caller then
  local grace = interval and math.min(interval / 8, 250) or 0
  if blocked and blocked > now then wait = 0
  elseif paused > now then wait = paused - now
  elseif not interval then
    local first, count = tonumber(state[7]) or 0, tonumber(state[8]) or 0
    if now - first > ${INITIAL_MS} then first, count = now, 0 end
    if count < ${INITIAL_CONCURRENCY} then
      isTaken = true
      redis.call('HSET', KEYS[1], 'first', first, 'count', count + 1)
    else wait = ${UNKNOWN_WAIT_MS} end
  elseif opens >= now + 1 then wait = opens - now
  elseif interval > 0 and isBehind and now < opens + grace then wait = opens + grace - now
  else
    isTaken = true
    -- A turn that was taken a little late does not delay the next ones; one after a pause has no claim to that.
    if now - opens < interval then opens = math.max(opens, now - interval / 10) else opens = now end
    opens = opens + interval
    redis.call('HSET', KEYS[1], 'next', opens)
  end
end
local asking = ARGV[5]
if isTaken then
  wait, served = 0, now
  if tag >= 0 then
    virtual = tag
    redis.call('HSET', KEYS[1], 'virtual', virtual)
    redis.call('ZADD', KEYS[3], tag + 1, caller)
    redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', virtual)
    redis.call('PEXPIRE', KEYS[3], ${STATE_MS})
  end
  keep()
  if tonumber(ARGV[2]) <= 1 then asking = '' end
end
redis.call('HSET', KEYS[2], id, table.concat({ now + ${PRESENCE_MS}, served, ARGV[2], ARGV[3], asking }, '|'))
redis.call('PEXPIRE', KEYS[2], 60000)
return {
  math.ceil(wait), caller or '', state[1] or ARGV[4], math.ceil(math.max(0, opens - now)), math.ceil(math.max(0, paused - now)),
  blocked and tostring(math.ceil(blocked - now)) or '', blocked == 0 and 1 or 0, state[5] or '', replicas, rank, waiting, callers,
}
`

/** ARGV: the interval; then, if it must not have changed meanwhile, 1 and the one before, empty if there was none. */
export const SET_INTERVAL = `${CLOCK}${KEEP}
local state = redis.call('HMGET', KEYS[1], 'interval', 'next', 'first', 'count')
local before = state[1] or ''
if ARGV[2] == '1' and before ~= '' and before ~= ARGV[3] then return end
local interval, opens, count = tonumber(ARGV[1]), tonumber(state[2]) or 0, tonumber(state[4]) or 0
if before ~= '' and interval < tonumber(before) then opens = math.min(opens, now + interval) end
if count > 0 then opens = math.max(opens, tonumber(state[3]) + count * interval) end
redis.call('HSET', KEYS[1], 'interval', ARGV[1], 'next', opens)
redis.call('HDEL', KEYS[1], 'first', 'count')
keep()
`

/** A request that started while no interval was known ended without a response. */
export const START_FAILED = `
if (tonumber(redis.call('HGET', KEYS[1], 'count')) or 0) > 0 then redis.call('HINCRBY', KEYS[1], 'count', -1) end
`

/** ARGV: milliseconds. */
export const PAUSE = `${CLOCK}${KEEP}
local paused = math.max(tonumber(redis.call('HGET', KEYS[1], 'paused')) or 0, now + tonumber(ARGV[1]))
redis.call('HSET', KEYS[1], 'paused', paused)
keep()
`

/** ARGV: milliseconds until a block is probed; empty: a request has shown that there is none. */
export const BLOCK = `${CLOCK}${KEEP}
redis.call('HSET', KEYS[1], 'blocked', ARGV[1] == '' and 0 or now + tonumber(ARGV[1]))
keep()
`

/** ARGV: milliseconds until the next probe. Returns 0 to the replica that is to probe, to others the milliseconds until then. */
export const CLAIM_PROBE = `${CLOCK}${KEEP}
local blocked = tonumber(redis.call('HGET', KEYS[1], 'blocked')) or 0
if blocked > now then return math.ceil(blocked - now) end
redis.call('HSET', KEYS[1], 'blocked', now + tonumber(ARGV[1]))
keep()
return 0
`

/** ARGV: the name of the route. */
export const PROVE_ROUTE = `${CLOCK}${KEEP}
redis.call('HSET', KEYS[1], 'route', ARGV[1])
keep()
`
