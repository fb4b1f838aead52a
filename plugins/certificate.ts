import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { certificateDays } from '../services/telemetry/certificate-days.ts'

/** Reports when the certificate ends with which the identity library authenticates (docs/entra.md). */
async function certificate({ appOptions, metrics }: FastifyInstance): Promise<void> {
  const path = appOptions.environment.AZURE_CLIENT_CERTIFICATE_PATH
  if (path === undefined) return
  metrics.setCertificateDays(() => {
    const days = certificateDays(path, new Date())
    return days === undefined ? [] : [{ labels: { variable: 'AZURE_CLIENT_CERTIFICATE_PATH' }, value: days }]
  })
}

export default fp(certificate, { name: 'certificate', dependencies: ['config', 'metrics'] })
