import type { ChildProcess } from 'node:child_process'
import type { TestContext } from 'node:test'
import { connectRedis, type RedisConnection } from '../../services/databases/redis.ts'
import { silent } from './calls.ts'
import { freePorts } from './free-ports.ts'
import { requireProgram, startProgram } from './system/processes.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { waitFor } from './wait-for.ts'

export interface RedisServer {
  url: string
  child: ChildProcess
}

/** A real Redis on a free port, or on `port`; ended after the test. */
export async function startRedis(
  t: TestContext,
  { options = [], port }: { options?: readonly string[]; port?: number } = {},
) {
  await requireProgram('redis-server')
  const [free] = port === undefined ? await freePorts(1) : [port]
  const folder = await temporaryFolder(t)
  const { child } = startProgram(t, 'redis-server', [
    ...['--port', String(free), '--bind', '127.0.0.1', '--save', '', '--dir', folder, ...options],
  ])
  // A stopped process ignores the signal that ends it.
  t.after(() => child.kill('SIGCONT'))
  return { url: `redis://127.0.0.1:${free}`, child, port: Number(free) }
}

/** A usable connection, closed after the test. */
export async function connectTo(t: TestContext, { url }: { url: string }): Promise<RedisConnection> {
  const redis = connectRedis(url, silent)
  t.after(() => redis.close())
  await waitFor('Redis', () => redis.isResponding())
  return redis
}
