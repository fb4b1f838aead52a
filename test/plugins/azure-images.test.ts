import { describe, type TestContext, test } from 'node:test'
import { buildApp } from '../helper.ts'
import { answering, callContext, fakeAzure, imageAnswer } from '../services/azure/fake-azure.ts'

describe('azure-images', () => {
  test('decorates the app with a client for the configured deployment, and counts its requests', async (t: TestContext) => {
    const azure = await fakeAzure(t, answering(200, imageAnswer))
    const { app } = await buildApp(t, { AZURE_BASE_URL: azure.url, AZURE_API_KEY: 'k1' })
    await app.azureImages.generate({ prompt: 'A boat' }, callContext())
    t.assert.equal(azure.seen[0]?.headers['api-key'], 'k1')
    const series = await app.metrics.registry.metrics()
    t.assert.match(series, /image_mcp_azure_requests_total\{operation="generate",status_class="2xx"\} 1/)
    t.assert.match(series, /image_mcp_azure_requests_in_flight 0/)
    t.assert.match(series, /image_mcp_azure_request_duration_seconds_count\{operation="generate"\} 1/)
  })
})
