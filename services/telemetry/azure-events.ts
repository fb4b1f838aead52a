import type { Metrics } from './metrics.ts'

interface Usage {
  textTokensIn?: number
  imageTokensIn?: number
  tokensOut?: number
  megapixelsIn?: number
  megapixelsOut?: number
}

interface Traced {
  traceId?: string | undefined
}

/** Listeners that record the events of the Azure client as metrics. */
export function azureMetrics(metrics: Metrics) {
  return {
    requestStarted(): void {
      metrics.azureInFlight.inc()
    },
    requestEnded(facts: { deployment: string; operation: string; code: string; durationMs: number } & Traced): void {
      const { deployment, operation, code, durationMs, traceId } = facts
      metrics.azureInFlight.dec()
      metrics.azureRequests.inc({ deployment, operation, code })
      metrics.azureDuration.observe({ deployment, operation }, durationMs / 1000, traceId)
    },
    waited({ deployment, waitedMs, traceId }: { deployment: string; waitedMs: number } & Traced): void {
      metrics.azureWait.observe({ deployment }, waitedMs / 1000, traceId)
    },
    imagesGenerated(facts: {
      deployment: string
      model: string
      count: number
      usage: Usage
      costUsd: number | undefined
    }): void {
      const { deployment, model, count, usage, costUsd } = facts
      const labels = { deployment, model }
      metrics.azureImages.inc(labels, count)
      countUsage(metrics, labels, usage)
      if (costUsd === undefined) metrics.azureUnpricedImages.inc(labels, count)
      else metrics.azureCost.inc(labels, costUsd)
    },
  }
}

function countUsage(metrics: Metrics, labels: { deployment: string; model: string }, usage: Usage): void {
  metrics.azureTokens.inc({ ...labels, kind: 'text_in' }, usage.textTokensIn ?? 0)
  metrics.azureTokens.inc({ ...labels, kind: 'image_in' }, usage.imageTokensIn ?? 0)
  metrics.azureTokens.inc({ ...labels, kind: 'out' }, usage.tokensOut ?? 0)
  metrics.azureMegapixels.inc({ ...labels, kind: 'in' }, usage.megapixelsIn ?? 0)
  metrics.azureMegapixels.inc({ ...labels, kind: 'out' }, usage.megapixelsOut ?? 0)
}

interface Deployment {
  name: string
  model: string
  capabilities: { operations: readonly string[] }
}

interface State {
  name: string
  waiting: number
  quota: number | undefined
  quotaRemaining: number | undefined
  isBlocked: boolean
}

/** Registers the gauges of the deployments, and their counters at 0: an increase from nothing is invisible to Prometheus. */
export function watchDeployments(
  metrics: Metrics,
  deployments: readonly Deployment[],
  codes: readonly string[],
  status: () => readonly State[],
): void {
  for (const { name, model, capabilities } of deployments) {
    for (const operation of capabilities.operations) {
      for (const code of codes) metrics.azureRequests.inc({ deployment: name, operation, code }, 0)
      metrics.azureDuration.zero({ deployment: name, operation })
    }
    metrics.azureWait.zero({ deployment: name })
    const labels = { deployment: name, model }
    for (const counter of [metrics.azureImages, metrics.azureCost, metrics.azureUnpricedImages]) counter.inc(labels, 0)
    countUsage(metrics, labels, {})
  }
  const gauge = (value: (state: State) => number | undefined) => () =>
    status().flatMap((state) => {
      const read = value(state)
      return read === undefined ? [] : [{ labels: { deployment: state.name }, value: read }]
    })
  metrics.setAzureWaiting(gauge(({ waiting }) => waiting))
  metrics.setAzureQuota(gauge(({ quota }) => quota))
  metrics.setAzureQuotaRemaining(gauge(({ quotaRemaining }) => quotaRemaining))
  metrics.setAzureBlocked(gauge(({ isBlocked }) => Number(isBlocked)))
}
