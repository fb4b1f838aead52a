import { X509Certificate } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { parseApiKeys } from '../services/auth/api-keys.ts'
import type { Environment } from '../services/config/environment.ts'
import { parseKey } from '../services/config/key-file.ts'
import { type SecretFile, watchSecretFiles } from '../services/config/secret-files.ts'
import { InvalidValueError } from '../services/errors/app-error.ts'
import { faultMessages } from '../services/errors/faults.ts'

/** Of files that are read again while the service runs. */
const checks: Readonly<Record<string, SecretFile['check']>> = { AZURE_API_KEY: parseKey, MCP_API_KEYS: parseApiKeys }

/** Reports files of secrets that can no longer be used, for instance after a rotation. */
async function secretFiles({ appOptions, config, log, readiness }: FastifyInstance): Promise<void> {
  const code = 'IMG_ERR_SECRET_FILE'
  const files = [...filesOf(config.secretFiles, appOptions.environment), ...keyFilesOf(config.azure.deployments)]
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

function filesOf(
  paths: Readonly<Record<string, string>>,
  { AZURE_CLIENT_CERTIFICATE_PATH: path }: Environment,
): SecretFile[] {
  const files = Object.entries(paths).map(([name, path]) => ({
    variable: `${name}_FILE`,
    locate: () => path,
    check: checks[name],
  }))
  if (path === undefined) return files
  const check = (text: string) => new X509Certificate(text)
  return [...files, { variable: 'AZURE_CLIENT_CERTIFICATE_PATH', locate: () => path, check }]
}

/** The `key_file` of each deployment that has one. */
function keyFilesOf(deployments: FastifyInstance['config']['azure']['deployments']): SecretFile[] {
  return deployments.flatMap(({ name, credential: { locate } }) =>
    locate === undefined ? [] : [{ variable: `key_file of ${name}`, locate, check: parseKey }],
  )
}

const reasonOf = (error: unknown) => (error instanceof InvalidValueError ? error.message : undefined)

export default fp(secretFiles, { name: 'secret-files', dependencies: ['config', 'logger', 'readiness'] })
