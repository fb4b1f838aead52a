import { type TestContext, test } from 'node:test'
import { listen } from '../../support/app.ts'
import { startSimulator } from '../../support/simulator.ts'
import { requireProgram, run } from '../../support/system/processes.ts'

const key = 'dc6a8f0e4a3b4c39bdc3c9d2a1b7e6f5'

/** The shell commands of the page. */
async function commandsOf(url: string): Promise<string[]> {
  const html = await (await fetch(url)).text()
  const blocks = [...html.matchAll(/<pre [^>]*>(curl [\s\S]*?)<\/pre>/g)].map(([, code = '']) => code)
  return blocks.map((code) => code.replaceAll('&quot;', '"').replaceAll('&lt;', '<').replaceAll('&amp;', '&'))
}

test('the commands of the page work as they are shown, and fail loudly', async (t: TestContext) => {
  for (const program of ['bash', 'curl', 'jq']) await requireProgram(program)
  const simulator = await startSimulator(t)
  const service = await listen(t, {
    AZURE_BASE_URL: simulator.url,
    AZURE_API_KEY: 'simulated-key',
    MCP_API_KEYS: `alice:${key}`,
  })
  const shell = (code: string, variables: Record<string, string>) =>
    run('bash', ['-c', code], { env: { PATH: process.env.PATH ?? '', ...variables } })
  const [list = '', generate = ''] = await commandsOf(service.url)
  t.assert.match((await shell(list, { IMAGE_EDITOR_KEY: key })).stdout, /"generate_image"/)
  t.assert.match((await shell(generate, { IMAGE_EDITOR_KEY: key })).stdout, /^Image successfully generated\. Saved to/)
  const failureOf = async (command: string, variables: Record<string, string>) => {
    const { stdout, stderr } = await shell(command, variables).then(
      () => t.assert.fail(`exit code 0: ${command}`),
      (error: { stdout: string; stderr: string }) => error,
    )
    return stdout + stderr
  }
  for (const command of [list, generate]) {
    t.assert.match(await failureOf(command, { IMAGE_EDITOR_KEY: 'wrong' }), /Invalid API key/)
  }
  const filtered = generate.replace('A beautiful sunset', 'fault:content-filter')
  t.assert.match(await failureOf(filtered, { IMAGE_EDITOR_KEY: key }), /"isError":\s*true/)
  await service.app.close()
  t.assert.match(await failureOf(generate, { IMAGE_EDITOR_KEY: key }), /connect/i)
})
