import { createHash } from 'node:crypto'
import { createSimulator } from '../../simulator/app.ts'

export const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest('hex')

export interface RecordingAzure {
  url: string
  /** Hashes of the base64 texts that were sent for a prompt. */
  readonly sent: ReadonlyMap<string, ReadonlySet<string>>
  /** Hash of the base64 text that was received with a prompt. */
  readonly received: ReadonlyMap<string, string>
  close(): Promise<void>
}

/** The simulator on a real socket, with the hashes of every image that went in or out. */
export async function startRecordingAzure(key: string, deployment: string): Promise<RecordingAzure> {
  const simulator = createSimulator({
    apiKeys: [key],
    deployments: { [deployment]: { model: deployment, rpm: 1_000_000 } },
    latencyMs: 20,
  })
  const sent = new Map<string, Set<string>>()
  const received = new Map<string, string>()
  simulator.addHook('onSend', async (request, _reply, payload) => {
    const { prompt, input_image: input } = Object(request.body)
    if (typeof prompt !== 'string' || !Buffer.isBuffer(payload)) return payload
    const { data: [{ b64_json: image = '' } = {}] = [] } = JSON.parse(payload.toString('utf8'))
    sent.set(prompt, (sent.get(prompt) ?? new Set()).add(sha256(image)))
    if (typeof input === 'string') received.set(prompt, sha256(input))
    simulator.requests.length = 0
    return payload
  })
  const url = await simulator.listen({ host: '127.0.0.1', port: 0 })
  return { url, sent, received, close: () => simulator.close() }
}
