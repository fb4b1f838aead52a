import { after, type TestContext } from 'node:test'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { launchChromium } from './chromium.ts'

/** A page in Debian's Chromium, and all that it reported. */
export interface OpenedPage {
  page: Page
  /** Errors of scripts, lines of the console that are errors or warnings, and what a policy blocked, of all frames. */
  readonly problems: string[]
  /** Addresses that were requested, of all frames. */
  readonly requests: string[]
}

/** Chromium's own lines: a response that is an error, of which the page makes something, and what it thinks of a chat's frames. */
const isNoise = (text: string) =>
  /^Failed to load resource: the server responded with a status of|both allow-scripts and allow-same-origin/.test(text)

let started: Promise<Browser> | undefined

/** One browser for a file of tests; it ends after them. */
async function browserOfFile(): Promise<Browser> {
  started ??= launchChromium()
  return started
}

after(async () => (await started)?.close())

/** A new page with nothing stored; closed after the test. */
export async function openPage(t: TestContext, options: BrowserContextOptions = {}): Promise<OpenedPage> {
  const browser = await browserOfFile()
  const context = await browser.newContext({ locale: 'en-US', ...options })
  t.after(() => context.close())
  context.setDefaultTimeout(60_000)
  const problems: string[] = []
  const requests: string[] = []
  context.on('weberror', (error) => problems.push(String(error.error().stack)))
  context.on('console', (message) => {
    if (['error', 'warning'].includes(message.type()) && !isNoise(message.text())) problems.push(message.text())
  })
  context.on('request', (request) => requests.push(request.url()))
  return { page: await context.newPage(), problems, requests }
}
