import { setTimeout as pause } from 'node:timers/promises'
import type { FaultRow } from '../../../scripts/faults/row.ts'
import { faultRows } from '../../../scripts/faults/rows.ts'
import type { Process } from '../process.ts'
import type { Alert, Prometheus, Series } from './prometheus.ts'
import { readiness } from './replicas.ts'

/** Checks that the log, `/ready`, a metric and a firing alert name a fault as docs/faults.md says. */

export type FaultName = keyof typeof faultRows

export interface Caused {
  service: Pick<Process, 'url' | 'log'>
  prometheus: Prometheus
  /** Of whose deployment the line, the series and the alert are. */
  deployment?: string
  /** Whose value is wrong. */
  variable?: string
  /** Causes it once more: some alerts count. */
  cause?: () => Promise<unknown>
  limitMs?: number
}

/** Causes the fault until everything shows it. @throws Error that says what does not */
export async function expectFault(name: FaultName, { cause, limitMs = 180_000, ...seen }: Caused): Promise<void> {
  const row: FaultRow = faultRows[name]
  const end = performance.now() + limitMs
  let isCausing = false
  for (;;) {
    if (cause !== undefined && !isCausing) {
      isCausing = true
      // A call of the last round may end with the service.
      void cause()
        .catch(() => {})
        .finally(() => (isCausing = false))
    }
    const missing = await missingOf(row, seen)
    if (missing.length === 0) return
    if (performance.now() > end) {
      throw new Error(`"${name}" is not shown by ${missing.join(', ')}: ${seen.service.log.slice(-3_000)}`)
    }
    await pause(200)
  }
}

type Seen = Omit<Caused, 'cause' | 'limitMs'>

async function missingOf(row: FaultRow, seen: Seen): Promise<string[]> {
  const [isReady, series, alerts] = await Promise.all([
    row.code === undefined || isInReady(row, seen),
    seen.prometheus.query(`${row.metric}${/ (?:==|>) /.test(row.metric) ? '' : ' > 0'}`),
    seen.prometheus.firing(),
  ])
  const states = {
    'the log': row.log === undefined || isLogged(row, seen),
    '/ready': isReady,
    'the metric': series.some(({ metric }: Series) => isOf(metric, seen)),
    'the alert': alerts.some((alert) => isAlert(alert, row, seen)),
  }
  return Object.entries(states).flatMap(([where, isShown]) => (isShown ? [] : [where]))
}

function isLogged({ code, log }: FaultRow, { service, deployment }: Seen): boolean {
  return linesOf(service.log).some(
    (line) =>
      line.msg === log?.message &&
      line.code === code &&
      (deployment === undefined || line.deployment === deployment || line.deployment === undefined) &&
      (log?.reason === undefined || log.reason.includes(String(line.reason))),
  )
}

function linesOf(log: string): Record<string, unknown>[] {
  return log.split('\n').flatMap((line) => {
    try {
      return [Object(JSON.parse(line))]
    } catch {
      return []
    }
  })
}

async function isInReady({ code, ready }: FaultRow, { service, deployment, variable }: Seen): Promise<boolean> {
  const body = await readiness(service)
  const isFault = Array.isArray(body.faults) && body.faults.includes(code)
  if (ready === undefined) return !isFault
  const path = ready.member.replace(/<\w+>/, deployment ?? variable ?? '').split('.')
  const value = path.reduce<unknown>((part, member) => Object(part)[member], body)
  return isFault && (ready.value ?? '').split('…').every((words) => String(value).includes(words))
}

function isAlert({ labels, annotations }: Alert, { alert, code }: FaultRow, seen: Seen): boolean {
  const { description = '', runbook = '' } = annotations
  return (
    labels.alertname === alert &&
    isOf(labels, seen) &&
    (code === undefined || description.includes(code)) &&
    runbook === `docs/runbook.md#${alert.toLowerCase()}`
  )
}

/** Some series and alerts are of all replicas, some of all deployments. */
function isOf(labels: Readonly<Record<string, string>>, { service, deployment }: Seen): boolean {
  const { instance, deployment: found } = labels
  const isService = instance === undefined || instance === new URL(service.url).host
  return isService && (deployment === undefined || found === undefined || found === deployment)
}
