import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { modelTable } from '../../services/azure/models/table.ts'
import { buildApp, temporaryFolder } from '../support/app.ts'

/** Schema features that make some clients, models or gateways reject a whole request. */
function faultsOf(schema: unknown, path = 'inputSchema'): string[] {
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) return [`${path} is not a schema`]
  const { type, properties, items, pattern, enum: choices, required, ...rest } = schema as Record<string, unknown>
  const faults: string[] = []
  if (typeof type !== 'string') faults.push(`${path} has no type`)
  for (const keyword of ['anyOf', 'oneOf', 'allOf', 'not', 'if', '$ref', '$defs', 'definitions', 'const', 'nullable'])
    if (keyword in rest) faults.push(`${path} has ${keyword}`)
  for (const keyword of Object.keys(rest)) if (keyword.startsWith('~')) faults.push(`${path} has ${keyword}`)
  if (pattern !== undefined && !/^[\x20-\x7e]+$/.test(String(pattern)))
    faults.push(`${path} has a pattern beyond ASCII`)
  if (/\(\?|\\[pPkdDwWsSbB]/.test(String(pattern ?? '')))
    faults.push(`${path} has a pattern that some engines do not support`)
  if (Number(rest.maxLength ?? 0) > 32_000) faults.push(`${path} has a maxLength above 32000`)
  if (choices !== undefined) {
    const isOfType = Array.isArray(choices) && choices.length > 0 && choices.every((value) => typeof value === type)
    if (!isOfType || new Set(Object(choices)).size !== Object(choices).length)
      faults.push(`${path} has an invalid enum`)
  }
  if (type === 'object') {
    if (typeof properties !== 'object' || properties === null) return [...faults, `${path} has no properties`]
    for (const name of (required as string[] | undefined) ?? [])
      if (!Object.hasOwn(properties, name)) faults.push(`${path} requires the missing property ${name}`)
    for (const [name, child] of Object.entries(properties)) {
      if (!/^[a-z][a-z0-9_]{0,63}$/.test(name)) faults.push(`${path}.${name} is not a valid name in every client`)
      faults.push(...faultsOf(child, `${path}.${name}`))
    }
  }
  if (type === 'array') faults.push(...faultsOf(items, `${path}[]`))
  return faults
}

async function faultsOfApp(
  t: TestContext,
  environment: Record<string, string | undefined>,
  transport: 'http' | 'stdio',
) {
  const { app } = await buildApp(t, environment, { transport })
  const response = await app.inject({
    method: 'POST',
    url: '/',
    payload: { jsonrpc: '2.0', id: 1, method: 'tools/list' },
  })
  const tools: { name: string; inputSchema: unknown }[] = response.json().result.tools
  t.assert.ok(tools.length > 0)
  return tools.flatMap(({ name, inputSchema }) => faultsOf(inputSchema, name))
}

describe('every published schema is accepted by strict clients', () => {
  for (const transport of ['http', 'stdio'] as const) {
    for (const { id } of modelTable) {
      test(`${id} over ${transport}`, async (t: TestContext) => {
        t.assert.deepEqual(await faultsOfApp(t, { AZURE_DEPLOYMENT_NAME: id }, transport), [])
      })
    }

    test(`all models together over ${transport}`, async (t: TestContext) => {
      const file = join(await temporaryFolder(t), 'deployments.json')
      const deployments = modelTable.map(({ id }) => ({ name: id, deployment: id }))
      await writeFile(file, JSON.stringify({ deployments }))
      const environment = { AZURE_DEPLOYMENT_NAME: undefined, AZURE_DEPLOYMENTS_FILE: file }
      t.assert.deepEqual(await faultsOfApp(t, environment, transport), [])
    })
  }
})

test('a size may contain the multiplication sign, although the pattern is ASCII', async (t: TestContext) => {
  const { app } = await buildApp(t)
  const call = (size: string) =>
    app.inject({
      method: 'POST',
      url: '/',
      payload: {
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: { name: 'generate_image', arguments: { prompt: 'a', size, output_path: '../x.png' } },
      },
    })
  // The size is checked before the path.
  t.assert.doesNotMatch((await call('1024×1024')).body, /size/)
  t.assert.match((await call('1024+1024')).body, /size/)
})
