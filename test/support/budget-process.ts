import { createApp } from '../../app.ts'
import { stderr } from '../../services/logging/log-output.ts'

/** The service as a process that gives up soon what killed ones have reserved. */
const app = await createApp({
  environment: process.env,
  logDestination: stderr(),
  ledgerTiming: { slackMs: 1_000, everyMs: 500 },
})
process.once('SIGTERM', () => void app.close())
await app.listenEverywhere()
