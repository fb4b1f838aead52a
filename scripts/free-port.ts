import { once } from 'node:events'
import { createServer } from 'node:net'

/** The preferred port of the loopback interface, or any free one if that is in use. */
export async function freePort(preferred: number): Promise<number> {
  for (const port of [preferred, 0]) {
    const server = createServer()
    try {
      await once(server.listen(port, '127.0.0.1'), 'listening')
    } catch {
      continue
    }
    const address = server.address()
    server.close()
    await once(server, 'close')
    if (typeof address === 'object' && address !== null) return address.port
  }
  throw new Error('no free port')
}
