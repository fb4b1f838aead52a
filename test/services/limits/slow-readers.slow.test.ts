import { Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { watchReaders } from '../../../services/limits/slow-readers.ts'
import { waitFor } from '../../support/wait-for.ts'

/**
 * A connection with so many bytes that wait to be sent, of which the client takes so many in a second; the system reports
 * them each `burstMs`.
 */
function connection(waiting: number, bytesPerSecond: number, burstMs = 1): Socket {
  const startedAt = performance.now()
  const taken = () => (Math.floor((performance.now() - startedAt) / burstMs) * burstMs * bytesPerSecond) / 1000
  return Object.defineProperties(new Socket(), {
    writableLength: { get: () => waiting },
    bytesWritten: { get: () => waiting + taken() },
  })
}

test('a client that takes less than 4 KiB a second is found, and no other, even if its progress shows in leaps', async (t: TestContext) => {
  const found = new Set<Socket>()
  const readers = watchReaders({ maxLagMs: 400, onTooSlow: (socket) => found.add(socket) })
  t.after(readers.close)
  const stalled = connection(1_000_000, 0)
  const trickling = connection(1_000_000, 600)
  const slow = connection(1_000_000, 8_192)
  const hidden = connection(1_000_000, 5_120, 275)
  const quiet = connection(0, 0)
  for (const socket of [stalled, trickling, slow, hidden, quiet]) readers.add(socket)
  await waitFor('both', () => found.size === 2)
  // Each has been measured several times.
  await waitFor('more periods', () => performance.now() - startedAt > 2_500)
  t.assert.deepEqual(found, new Set([stalled, trickling]))
})

const startedAt = performance.now()
