import { once } from 'node:events'
import { createServer } from 'node:net'

/** Below those that Linux gives to connections: while a program starts, one of them could take its port. */
const FIRST_PORT = 10_000
const LAST_PORT = 32_000

/** Processes begin apart, so that two of them which look for ports at the same time do not find the same. */
let next = process.pid * 100

/** Free ports, for programs that cannot report the port they picked; no port is given twice. */
export async function freePorts<N extends number>(count: N): Promise<number[] & { length: N }> {
  const ports: number[] = []
  while (ports.length < count) {
    const port = FIRST_PORT + (next++ % (LAST_PORT - FIRST_PORT))
    const server = createServer().listen(port, '127.0.0.1')
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    )
    if (isFree) ports.push(port)
    server.close()
  }
  return Object.assign(ports, { length: count })
}
