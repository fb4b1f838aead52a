import type { TestContext } from 'node:test'
import { createSimulator, type SimulatorOptions } from '../../simulator/app.ts'

export const key = 'simulated-key'

/** A simulator on a free port, closed after the test. */
export async function startSimulator(t: TestContext, options: SimulatorOptions = {}) {
  const simulator = createSimulator(options)
  const url = await simulator.listen({ host: '127.0.0.1', port: 0 })
  t.after(() => simulator.close())
  return { simulator, url }
}

/** Posts JSON with the right key unless other headers say otherwise. */
export const postJson = (
  url: string,
  body: unknown,
  headers: Record<string, string> = { 'api-key': key },
): Promise<Response> =>
  fetch(url, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...headers },
  })

/** Posts a form; a Buffer becomes a PNG file, a File keeps its type. */
export function postForm(
  url: string,
  fields: readonly (readonly [string, string | Buffer | File])[],
  headers: Record<string, string> = { 'api-key': key },
): Promise<Response> {
  const form = new FormData()
  for (const [name, value] of fields) {
    form.append(
      name,
      Buffer.isBuffer(value) ? new File([new Uint8Array(value)], 'input.png', { type: 'image/png' }) : value,
    )
  }
  return fetch(url, { method: 'POST', body: form, headers })
}

/** The images of a 200. */
export async function imagesOf(response: Response): Promise<Buffer[]> {
  const body = (await response.json()) as { data: { b64_json: string }[] }
  return body.data.map(({ b64_json }) => Buffer.from(b64_json, 'base64'))
}

/** The `code` of a rejection. */
export async function codeOf(response: Response): Promise<string | undefined> {
  const body = (await response.json()) as { error?: { code?: string } }
  return body.error?.code
}
