import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { prepareEnvironment } from '../services/config/environment.ts'
import { watchSecretFiles } from '../services/config/secret-files.ts'
import { InvalidValueError } from '../services/errors/app-error.ts'
import { faultMessages } from '../services/errors/faults.ts'

/** Reports files of secrets that can no longer be read, for instance after a rotation. */
async function secretFiles({ appOptions, log, readiness }: FastifyInstance): Promise<void> {
  const { environment, transport = 'http' } = appOptions
  const paths = Object.entries(prepareEnvironment(environment, transport).secretFiles)
  if (paths.length === 0) return
  const code = 'IMG_ERR_SECRET_FILE'
  const files = paths.map(([name, path]) => ({ variable: `${name}_FILE`, path }))
  const check = watchSecretFiles(files, (variable, err) => {
    if (err === undefined) log.info({ code, variable }, 'secret file usable again')
    else log.error({ code, variable, err, reason: reasonOf(err) }, faultMessages[code])
  })
  readiness.add('secretFiles', async () => {
    const state = await check()
    return { ready: true, state, faults: Object.values(state).includes('unusable') ? [code] : [] }
  })
}

const reasonOf = (error: unknown) => (error instanceof InvalidValueError ? error.message : undefined)

export default fp(secretFiles, { name: 'secret-files', dependencies: ['config', 'logger', 'readiness'] })
