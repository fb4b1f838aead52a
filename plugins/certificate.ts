import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { certificateDays } from '../services/telemetry/certificate-days.ts'

/** As in the alert. */
const NOTICE_DAYS = 30

/** Reports when the certificate ends with which the identity library authenticates (docs/entra.md). */
async function certificate({ appOptions, metrics, readiness }: FastifyInstance): Promise<void> {
  const path = appOptions.environment.AZURE_CLIENT_CERTIFICATE_PATH
  if (path === undefined) return
  metrics.setCertificateDays(() => {
    const days = certificateDays(path, new Date())
    return days === undefined ? [] : [{ labels: { variable: 'AZURE_CLIENT_CERTIFICATE_PATH' }, value: days }]
  })
  readiness.add('certificate', () => {
    const days = certificateDays(path, new Date())
    // The part of secret files says why.
    if (days === undefined) return { ready: true, state: 'unreadable' }
    const faults = days < NOTICE_DAYS ? (['IMG_ERR_CERTIFICATE_ENDING'] as const) : []
    return { ready: true, state: `ends in ${days} days`, faults }
  })
}

export default fp(certificate, { name: 'certificate', dependencies: ['config', 'metrics', 'readiness'] })
