import closeWithGrace from 'close-with-grace'
import { createApp } from '../../../app.ts'
import { eagerJobTiming } from '../eager-jobs.ts'

/** A replica that soon takes others for dead; with `WORKER` it serves no clients. */
const app = await createApp({
  environment: process.env,
  logDestination: process.stdout,
  jobTiming: eagerJobTiming,
  isWorker: process.env.WORKER !== undefined,
  timing: { azureMinuteMs: Number(process.env.AZURE_MINUTE_MS ?? 60_000) },
})
closeWithGrace({ delay: 30_000 }, () => app.close())
await app.ready()
await app.listenEverywhere()
