import { createApp } from '../../../app.ts'

/** The service that soon disconnects clients that do not read. */
const app = await createApp({
  environment: process.env,
  logDestination: process.stdout,
  timing: { readerLagMs: 5_000 },
})
await app.ready()
await app.listen({ host: '127.0.0.1', port: 0, backlog: app.config.server.maxConnections })
