import type { TestContext } from 'node:test'
import type { Environment } from '../../../services/config/environment.ts'
import { fakeAzure, imageResult } from '../fake-azure.ts'

/** Starts an Azure whose every call succeeds, and returns its variables. */
export async function goodAzure(t: TestContext): Promise<Environment> {
  const { url } = await fakeAzure(t, (request, response) => {
    request
      .resume()
      .on('end', () => response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(imageResult)))
  })
  return { AZURE_BASE_URL: url }
}
