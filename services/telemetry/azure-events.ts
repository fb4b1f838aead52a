import type { Metrics } from './metrics.ts'

interface Usage {
  textTokensIn?: number
  imageTokensIn?: number
  tokensOut?: number
  megapixelsIn?: number
  megapixelsOut?: number
}

/** Listeners that record the events of the Azure client as metrics. */
export function azureMetrics(metrics: Metrics) {
  return {
    requestStarted(): void {
      metrics.azureInFlight.inc()
    },
    requestEnded(facts: { operation: string; statusClass: string; durationMs: number }): void {
      metrics.azureInFlight.dec()
      metrics.azureRequests.inc({ operation: facts.operation, status_class: facts.statusClass })
      metrics.azureDuration.observe({ operation: facts.operation }, facts.durationMs / 1000)
    },
    imagesGenerated(facts: {
      deployment: string
      model: string
      count: number
      usage: Usage
      costUsd: number | undefined
    }): void {
      const { deployment, model, count, usage, costUsd } = facts
      metrics.azureImages.inc({ model }, count)
      metrics.azureTokens.inc({ model, kind: 'text_in' }, usage.textTokensIn ?? 0)
      metrics.azureTokens.inc({ model, kind: 'image_in' }, usage.imageTokensIn ?? 0)
      metrics.azureTokens.inc({ model, kind: 'out' }, usage.tokensOut ?? 0)
      metrics.azureMegapixels.inc({ model, kind: 'in' }, usage.megapixelsIn ?? 0)
      metrics.azureMegapixels.inc({ model, kind: 'out' }, usage.megapixelsOut ?? 0)
      if (costUsd === undefined) metrics.azureUnpricedImages.inc({ deployment, model }, count)
      else metrics.azureCost.inc({ model }, costUsd)
    },
  }
}
