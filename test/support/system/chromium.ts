import { type Browser, chromium } from 'playwright-core'
import { requireProgram, run } from './processes.ts'

/** Debian's Chromium, headless. */
export async function launchChromium(): Promise<Browser> {
  await requireProgram('chromium')
  const { stdout } = await run('sh', ['-c', 'command -v chromium'])
  // Without the sandbox, because tests may run as root in a container, where Chromium has none.
  return chromium.launch({ executablePath: stdout.trim(), chromiumSandbox: false, args: ['--disable-gpu'] })
}
