import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { prepareEnvironment } from '../services/config/environment.ts'
import { watchSecretFiles } from '../services/config/secret-files.ts'
import { InvalidValueError } from '../services/errors/app-error.ts'
import { faultMessages } from '../services/errors/faults.ts'

/** Reports files of secrets that can no longer be read, for instance after a rotation. */
async function secretFiles({ appOptions, config, log, readiness }: FastifyInstance): Promise<void> {
  const { environment, transport = 'http' } = appOptions
  const paths = Object.entries(prepareEnvironment(environment, transport).secretFiles)
  const own = config.azure.deployments.flatMap(({ name, credential: { file } }) =>
    file === undefined || paths.some(([, path]) => path === file())
      ? []
      : [{ variable: `key_file of ${name}`, locate: file }],
  )
  const code = 'IMG_ERR_SECRET_FILE'
  const files = [...paths.map(([name, path]) => ({ variable: `${name}_FILE`, locate: () => path })), ...own]
  if (files.length === 0) return
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
