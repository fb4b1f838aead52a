import { cp, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { root } from './system/processes.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** The required variables of an operator's `.env`. */
export const threeVariables =
  'AZURE_BASE_URL=https://a.example\nAZURE_API_KEY=key\nAZURE_DEPLOYMENT_NAME=FLUX.1-Kontext-pro\n'

export const clientKey = 'a-key-of-a-client'

/** A folder with the compose files and an operator's `.env`, isolated from the project's own `.env`. */
export async function operatorsFolder(t: TestContext, dotEnv: string): Promise<string> {
  const folder = await temporaryFolder(t)
  for (const name of ['docker-compose.yml', 'deploy'])
    await cp(join(root, name), join(folder, name), { recursive: true })
  await mkdir(join(folder, 'secrets'))
  await writeFile(join(folder, 'secrets/azure_api_key'), 'simulated-key')
  await writeFile(join(folder, 'secrets/mcp_api_keys'), `alice:${clientKey}`)
  await writeFile(join(folder, 'secrets/server_secret'), 's'.repeat(32))
  await writeFile(join(folder, 'secrets/postgres_password'), 'a-password\n')
  await writeFile(join(folder, 'secrets/database_url'), 'postgres://images:a-password@postgres/images\n')
  await writeFile(join(folder, '.env'), dotEnv)
  return folder
}
