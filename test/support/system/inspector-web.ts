import { randomBytes } from 'node:crypto'
import type { TestContext } from 'node:test'
import type { Frame, Page } from 'playwright-core'
import { freePorts } from '../free-ports.ts'
import { temporaryFolder } from '../temporary-folder.ts'
import { waitFor } from '../wait-for.ts'
import { root, startProgram } from './processes.ts'

/** The web client of MCP Inspector, which draws apps. */
export interface InspectorWeb {
  /** Opens it by its deep link, and calls a tool; resolves to the frame of the tool's app, once that is ready. */
  openApp(page: Page, tool: string, args: Record<string, unknown>): Promise<Frame>
}

export async function startInspectorWeb(t: TestContext, serviceUrl: string): Promise<InspectorWeb> {
  const [port = 0, sandboxPort = 0] = await freePorts(2)
  const token = randomBytes(16).toString('hex')
  const inspector = startProgram(t, `${root}/node_modules/.bin/mcp-inspector`, ['--web'], {
    env: {
      PATH: process.env.PATH,
      HOME: await temporaryFolder(t),
      HOST: '127.0.0.1',
      CLIENT_PORT: String(port),
      MCP_SANDBOX_PORT: String(sandboxPort),
      MCP_AUTO_OPEN_ENABLED: 'false',
      MCP_INSPECTOR_API_TOKEN: token,
    },
  })
  const url = `http://127.0.0.1:${port}/`
  await waitFor('MCP Inspector', async () => (await fetch(url)).ok, { explain: () => inspector.said })
  return {
    async openApp(page, tool, args) {
      const query = new URLSearchParams({
        serverUrl: `${serviceUrl}/mcp`,
        transport: 'http',
        autoConnect: token,
        openApp: tool,
        appArgs: Buffer.from(JSON.stringify(args)).toString('base64url'),
        autoOpen: token,
      })
      await page.goto(`${url}?${query}`)
      const limit = { timeout: 60_000 }
      await page.locator('[data-testid="connection-status"][data-status="connected"]').waitFor(limit)
      await page.locator('[data-app-status="ready"]').waitFor(limit)
      return waitFor('the frame of the app', () => page.frames().find((frame) => frame.url() === 'about:srcdoc'))
    },
  }
}
